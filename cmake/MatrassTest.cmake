# SPDX-License-Identifier: BSD-3-Clause
# matrass_add_test(<folder>.<name> [SOURCES ...] [RANKS 1 2 3 ...] [PATHS ...] [LIBRARIES ...] [HEADERS])
#
# One executable and one CTest test for each number of ranks: `redistribute.all_pairs.np6` runs under mpiexec with 6
# ranks. Without RANKS the test is serial, keeps its plain name and is started without a launcher. SOURCES defaults to
# <name>.cpp. The tests' own main has a time limit for each test and prints stacks; CTest's (ctest --timeout) is for what
# hangs outside of them. PATHS: the same program again for each path that a redistribution can take (direct, push, pull,
# message, and mixed: nodes of two ranks each), `redistribute.tiles.push.np6`. HEADERS: the library's headers alone, without its compiled part.
find_package(GTest REQUIRED)

add_library(matrass_headers INTERFACE)
target_compile_features(matrass_headers INTERFACE cxx_std_20)
target_include_directories(matrass_headers INTERFACE "${CMAKE_CURRENT_SOURCE_DIR}/include")
target_compile_definitions(matrass_headers INTERFACE MPICH_SKIP_MPICXX OMPI_SKIP_MPICXX)
target_link_libraries(matrass_headers INTERFACE SCALAPACK::SCALAPACK MPI::MPI_C)

function(matrass_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "HEADERS" "" "SOURCES;RANKS;PATHS;LIBRARIES")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "matrass_add_test(${name}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  string(REGEX REPLACE "^.*\\." "" stem "${name}")
  if(NOT arg_SOURCES)
    set(arg_SOURCES ${stem}.cpp)
  endif()
  string(REPLACE "." "_" target "test_${name}")
  add_executable(${target} ${arg_SOURCES})
  if(arg_HEADERS)
    target_link_libraries(${target} PRIVATE matrass_headers matrass_options ${arg_LIBRARIES})
  else()
    target_link_libraries(${target} PRIVATE matrass::matrass matrass_options ${arg_LIBRARIES})
  endif()
  if(TARGET matrass_test_main)
    target_link_libraries(${target} PRIVATE matrass_test_main GTest::gtest)
  else()
    target_link_libraries(${target} PRIVATE GTest::gtest_main)
  endif()

  if(NOT arg_RANKS)
    add_test(NAME ${name} COMMAND ${target})
    matrass_set_test_properties(${name} 1)
  endif()
  foreach(ranks IN LISTS arg_RANKS)
    add_test(NAME ${name}.np${ranks}
             COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${target}>)
    matrass_set_test_properties(${name}.np${ranks} ${ranks})
    foreach(path IN LISTS arg_PATHS)
      set(path_test ${name}.${path}.np${ranks})
      add_test(NAME ${path_test}
               COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} $<TARGET_FILE:${target}>)
      if(path STREQUAL mixed)
        matrass_set_test_properties(${path_test} ${ranks} "MATRASS_PATH=direct;MATRASS_RANKS_PER_NODE=2")
      else()
        matrass_set_test_properties(${path_test} ${ranks} "MATRASS_PATH=${path}")
      endif()
    endforeach()
  endforeach()
endfunction()

# Ranks are limited to one BLAS thread each: they share the machine.
macro(matrass_set_test_properties test ranks)
  set_tests_properties(${test} PROPERTIES PROCESSORS ${ranks}
                       ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMP_NUM_THREADS=1;UCX_HANDLE_ERRORS=none;${ARGN}")
endmacro()
