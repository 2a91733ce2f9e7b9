# SPDX-License-Identifier: BSD-3-Clause
# FindSCALAPACK: the ScaLAPACK (with PBLAS and BLACS) that belongs to the MPI found. Call find_package(MPI) and
# find_package(LAPACK) first.
#
# Order: SCALAPACK_LIBRARIES if given; MKL (under MKLROOT, with the BLACS of the MPI's family); the library that is
# named after the MPI (scalapack-mpich, scalapack-openmpi), then plain scalapack. Then a link test, and a check that
# the library's own NEEDED entries name the same MPI. Debian's scalapack-config.cmake and scalapack-mpich.pc are not
# used: the first names a file that does not exist, the second requires Open MPI.
#
# Defines the target SCALAPACK::SCALAPACK and SCALAPACK_FOUND, SCALAPACK_LIBRARIES.

if(NOT TARGET MPI::MPI_C OR NOT TARGET LAPACK::LAPACK)
  message(FATAL_ERROR "FindSCALAPACK: call find_package(MPI COMPONENTS C) and find_package(LAPACK) first")
endif()

# The family of the MPI found, by the names of its libraries and headers.
set(_scalapack_mpi_text "${MPI_C_LIBRARIES};${MPI_C_INCLUDE_DIRS};${MPI_C_COMPILER}")
if(_scalapack_mpi_text MATCHES "openmpi|libopen-rte")
  set(_scalapack_family openmpi)
else()
  set(_scalapack_family mpich)
endif()

if(NOT SCALAPACK_LIBRARIES AND DEFINED ENV{MKLROOT})
  if(_scalapack_family STREQUAL "openmpi")
    set(_scalapack_blacs mkl_blacs_openmpi_lp64)
  else()
    set(_scalapack_blacs mkl_blacs_intelmpi_lp64)
  endif()
  find_library(SCALAPACK_MKL_LIBRARY mkl_scalapack_lp64 HINTS "$ENV{MKLROOT}/lib" "$ENV{MKLROOT}/lib/intel64")
  find_library(SCALAPACK_MKL_BLACS_LIBRARY ${_scalapack_blacs} HINTS "$ENV{MKLROOT}/lib" "$ENV{MKLROOT}/lib/intel64")
  mark_as_advanced(SCALAPACK_MKL_LIBRARY SCALAPACK_MKL_BLACS_LIBRARY)
  if(SCALAPACK_MKL_LIBRARY AND SCALAPACK_MKL_BLACS_LIBRARY)
    set(SCALAPACK_LIBRARIES "${SCALAPACK_MKL_LIBRARY};${SCALAPACK_MKL_BLACS_LIBRARY}")
  endif()
endif()
if(NOT SCALAPACK_LIBRARIES)
  find_library(SCALAPACK_LIBRARY NAMES scalapack-${_scalapack_family} scalapack)
  mark_as_advanced(SCALAPACK_LIBRARY)
  if(SCALAPACK_LIBRARY)
    set(SCALAPACK_LIBRARIES "${SCALAPACK_LIBRARY}")
  endif()
endif()

# Link test: one name each of ScaLAPACK, PBLAS, BLACS and the redistribution tools.
if(SCALAPACK_LIBRARIES)
  include(CheckCSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES ${SCALAPACK_LIBRARIES} LAPACK::LAPACK MPI::MPI_C)
  set(CMAKE_REQUIRED_QUIET ${SCALAPACK_FIND_QUIETLY})
  check_c_source_compiles("
    void pdgesv_(void); void pdgemm_(void); void Cblacs_gridmap(void); void Cpdgemr2d(void);
    int main(void) { pdgesv_(); pdgemm_(); Cblacs_gridmap(); Cpdgemr2d(); return 0; }" SCALAPACK_LINKS)
  unset(CMAKE_REQUIRED_LIBRARIES)
  unset(CMAKE_REQUIRED_QUIET)
  if(NOT SCALAPACK_LINKS)
    unset(SCALAPACK_LINKS CACHE)  # look again next time, a library may be installed in between
    set(_scalapack_reason "${SCALAPACK_LIBRARIES} does not link (see CMakeError.log)")
    set(_scalapack_ok FALSE)
  else()
    set(_scalapack_ok TRUE)
  endif()
endif()

# A shared ScaLAPACK names the MPI that it was built with. Another one in the same process would crash in BLACS.
if(_scalapack_ok AND CMAKE_OBJDUMP)
  foreach(_scalapack_file IN LISTS SCALAPACK_LIBRARIES)
    if(NOT _scalapack_file MATCHES "\\.so")
      continue()
    endif()
    execute_process(COMMAND ${CMAKE_OBJDUMP} -p "${_scalapack_file}" OUTPUT_VARIABLE _scalapack_dump ERROR_QUIET)
    string(REGEX MATCHALL "NEEDED +lib(mpi|mpich)\\.so[.0-9]*" _scalapack_needed "${_scalapack_dump}")
    foreach(_scalapack_mpi IN LISTS _scalapack_needed)
      string(REGEX REPLACE "NEEDED +" "" _scalapack_mpi "${_scalapack_mpi}")
      set(_scalapack_same FALSE)
      foreach(_scalapack_lib IN LISTS MPI_C_LIBRARIES)
        if(_scalapack_lib MATCHES "\\.so")
          execute_process(COMMAND ${CMAKE_OBJDUMP} -p "${_scalapack_lib}" OUTPUT_VARIABLE _scalapack_dump ERROR_QUIET)
          if(_scalapack_dump MATCHES "SONAME +${_scalapack_mpi}\n")
            set(_scalapack_same TRUE)
          endif()
        endif()
      endforeach()
      if(NOT _scalapack_same)
        set(_scalapack_reason "${_scalapack_file} was built with ${_scalapack_mpi}, but the MPI found is ${MPI_C_LIBRARIES}")
        set(_scalapack_ok FALSE)
      endif()
    endforeach()
  endforeach()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SCALAPACK REQUIRED_VARS SCALAPACK_LIBRARIES _scalapack_ok
                                  REASON_FAILURE_MESSAGE "${_scalapack_reason}")

if(SCALAPACK_FOUND AND NOT TARGET SCALAPACK::SCALAPACK)
  add_library(SCALAPACK::SCALAPACK INTERFACE IMPORTED)
  target_link_libraries(SCALAPACK::SCALAPACK INTERFACE ${SCALAPACK_LIBRARIES} LAPACK::LAPACK MPI::MPI_C)
endif()
