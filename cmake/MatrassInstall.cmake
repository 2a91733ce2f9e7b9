# SPDX-License-Identifier: BSD-3-Clause
# What is installed where: headers, library, guard, CMake package and pkg-config file (component cpp); the extension
# module with its guard (component python, only inside `pip install`). Next: matrassConfig.cmake.in.
include(CMakePackageConfigHelpers)

set(matrass_cmake "${MATRASS_INSTALL_LIBDIR}/cmake/matrass")

install(DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/include/matrass" DESTINATION "${MATRASS_INSTALL_INCLUDEDIR}" COMPONENT cpp)
target_include_directories(matrass INTERFACE "$<INSTALL_INTERFACE:${MATRASS_INSTALL_INCLUDEDIR}>")
set_target_properties(matrass PROPERTIES INSTALL_RPATH "$ORIGIN/matrass")
install(TARGETS matrass EXPORT matrassTargets COMPONENT cpp DESTINATION "${MATRASS_INSTALL_LIBDIR}")
# The guard is called libmpi.so.12: never in a folder where other programs look for libraries.
install(TARGETS matrass_guard EXPORT matrassTargets COMPONENT cpp LIBRARY DESTINATION "${MATRASS_INSTALL_LIBDIR}/matrass"
                                                                  NAMELINK_SKIP)
install(EXPORT matrassTargets NAMESPACE matrass:: DESTINATION "${matrass_cmake}" COMPONENT cpp)
configure_package_config_file(cmake/matrassConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/matrassConfig.cmake"
                              INSTALL_DESTINATION "${matrass_cmake}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/matrassConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/matrassConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/matrassConfigVersion.cmake"
              "${CMAKE_CURRENT_SOURCE_DIR}/cmake/FindSCALAPACK.cmake"
        DESTINATION "${matrass_cmake}" COMPONENT cpp)

# --- pkg-config: every library by name, for `Requires: mpi` would mean Open MPI on Debian ---
get_target_property(matrass_guard_name matrass_guard OUTPUT_NAME)
if(matrass_guard_name STREQUAL "mpi")
  set(matrass_guard_file libmpi.so.12)
else()  # MPI itself is libmpi.so.12
  set(matrass_guard_file libmatrass_guard.so)
endif()
list(JOIN SCALAPACK_LIBRARIES " " matrass_pc_scalapack)
list(JOIN LAPACK_LIBRARIES " " matrass_pc_lapack)
list(JOIN MPI_C_LIBRARIES " " matrass_pc_mpi)
list(TRANSFORM MPI_C_INCLUDE_DIRS PREPEND "-I" OUTPUT_VARIABLE matrass_pc_mpi_include)
list(JOIN matrass_pc_mpi_include " " matrass_pc_mpi_include)
file(RELATIVE_PATH matrass_pc_prefix "/${matrass_libdir}/pkgconfig" /)  # how many folders up
configure_file(cmake/matrass.pc.in matrass.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/matrass.pc" DESTINATION "${MATRASS_INSTALL_LIBDIR}/pkgconfig" COMPONENT cpp)

# --- the extension module ---
if(TARGET _core AND SKBUILD)
  configure_file(cmake/build_info.json.in build_info.json @ONLY)
  install(TARGETS _core LIBRARY DESTINATION matrass COMPONENT python)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/build_info.json" DESTINATION matrass COMPONENT python)
  install(FILES "$<TARGET_FILE:matrass_guard>" DESTINATION matrass COMPONENT python RENAME ${matrass_guard_file})
endif()
