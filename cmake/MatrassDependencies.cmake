# SPDX-License-Identifier: BSD-3-Clause
# Finds what the MPI core stands on and sets MATRASS_HAVE_MPI. Only an MPI of the MPICH family is taken.
# Next: FindSCALAPACK.cmake.

set(MATRASS_HAVE_MPI OFF)
if(NOT MATRASS_MPI MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "MATRASS_MPI: must be AUTO, ON or OFF: got ${MATRASS_MPI}")
endif()
if(MATRASS_MPI STREQUAL "OFF")
  return()
endif()

# Where MPICH is installed beside Open MPI (Debian), the plain names mean Open MPI: ask for mpicc.mpich by name.
if(NOT DEFINED MPI_EXECUTABLE_SUFFIX)
  find_program(MATRASS_MPICC_MPICH mpicc.mpich)
  mark_as_advanced(MATRASS_MPICC_MPICH)
  if(MATRASS_MPICC_MPICH)
    set(MPI_EXECUTABLE_SUFFIX .mpich CACHE STRING "Suffix of the MPI compilers and the launcher")
  endif()
endif()

if(MATRASS_MPI STREQUAL "AUTO")
  # A driver-only machine may have no compiler: look before a language is required.
  include(CheckLanguage)
  check_language(C)
  check_language(CXX)
  if(NOT CMAKE_C_COMPILER OR NOT CMAKE_CXX_COMPILER)
    message(STATUS "matrass: no C++ compiler was found")
    return()
  endif()
endif()
enable_language(C)
enable_language(CXX)

set(matrass_apt "apt-get install libmpich-dev mpich libscalapack-mpich-dev libopenblas-dev libxtensor-dev")
if(MATRASS_MPI STREQUAL "ON")
  find_package(MPI REQUIRED COMPONENTS C)
else()
  find_package(MPI COMPONENTS C)
  if(NOT MPI_C_FOUND)
    return()
  endif()
endif()

include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_LIBRARIES MPI::MPI_C)
check_c_source_compiles("
  #include <mpi.h>
  #if !defined(MPICH_VERSION) && !defined(I_MPI_VERSION) && !defined(MVAPICH_VERSION)
  #error not of the MPICH family
  #endif
  int main(void) { return 0; }" MATRASS_MPI_IS_MPICH)
unset(CMAKE_REQUIRED_LIBRARIES)
if(NOT MATRASS_MPI_IS_MPICH)
  unset(MATRASS_MPI_IS_MPICH CACHE)
  message(FATAL_ERROR "matrass: the MPI found is not of the MPICH family: ${MPI_C_LIBRARIES}
  Open MPI cannot share a process with ScaLAPACK built on MPICH. Install MPICH (${matrass_apt}) and pass
  -DMPI_EXECUTABLE_SUFFIX=.mpich, or build the driver's side only with -DMATRASS_MPI=OFF.")
endif()

# What the library is built on, for the run-time check of which MPI is loaded: name, version, soname.
list(GET MPI_C_LIBRARIES 0 MATRASS_MPI_LIBRARY)
execute_process(COMMAND ${CMAKE_OBJDUMP} -p "${MATRASS_MPI_LIBRARY}" OUTPUT_VARIABLE matrass_dump ERROR_QUIET)
string(REGEX MATCH "SONAME +([^\n]+)" matrass_dump "${matrass_dump}")
set(MATRASS_MPI_SONAME "${CMAKE_MATCH_1}")
set(MATRASS_MPI_NAME MPI)
set(MATRASS_MPI_VERSION "${MPI_C_VERSION}")
foreach(matrass_name IN ITEMS MPICH MVAPICH I_MPI)  # the derived ones define MPICH_VERSION, too: the last wins
  foreach(matrass_dir IN LISTS MPI_C_INCLUDE_DIRS)
    if(EXISTS "${matrass_dir}/mpi.h")
      file(STRINGS "${matrass_dir}/mpi.h" matrass_line REGEX "^#define +${matrass_name}_VERSION +\"")
      if(matrass_line MATCHES "\"(.+)\"")
        set(MATRASS_MPI_NAME ${matrass_name})
        set(MATRASS_MPI_VERSION "${CMAKE_MATCH_1}")
      endif()
    endif()
  endforeach()
endforeach()

# OpenBLAS where it is there, else whatever LAPACK the machine has. One that the user names is taken.
set(MATRASS_BLA_VENDOR "${BLA_VENDOR}")
if(NOT DEFINED BLA_VENDOR)
  set(BLA_VENDOR OpenBLAS)
  find_package(LAPACK QUIET)
  if(LAPACK_FOUND)
    set(MATRASS_BLA_VENDOR OpenBLAS)
  endif()
  unset(BLA_VENDOR)
endif()
if(NOT LAPACK_FOUND)
  find_package(LAPACK REQUIRED)
endif()
find_package(SCALAPACK REQUIRED)
find_package(xtensor REQUIRED)
set(MATRASS_HAVE_MPI ON)
