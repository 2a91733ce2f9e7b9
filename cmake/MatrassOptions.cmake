# SPDX-License-Identifier: BSD-3-Clause
# How our own code is compiled: target matrass_options. The same for the presets and for `pip install`, so that one
# ccache serves both. Next: MatrassInstall.cmake.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CCACHE_PROGRAM ccache)
mark_as_advanced(CCACHE_PROGRAM)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths below the source folder are hashed relative to it: every build folder and every clone shares one cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
                                  "${CCACHE_PROGRAM}")
  set(CMAKE_C_COMPILER_LAUNCHER "${CMAKE_CXX_COMPILER_LAUNCHER}")
endif()

add_library(matrass_options INTERFACE)
# -Wrestrict: GCC 12 warns falsely of "text" + std::string (GCC bug 105651).
target_compile_options(matrass_options INTERFACE -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> -g1
                                                 "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
if(MATRASS_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# Where things are installed. A wheel holds everything below matrass/, so that `python -m matrass --cmakedir` serves C++
# from a virtual environment.
set(matrass_libdir "${CMAKE_INSTALL_LIBDIR}")
set(matrass_prefix "")
if(SKBUILD)
  set(matrass_libdir lib)
  set(matrass_prefix matrass/)
endif()
set(MATRASS_INSTALL_INCLUDEDIR "${matrass_prefix}include")
set(MATRASS_INSTALL_LIBDIR "${matrass_prefix}${matrass_libdir}")
