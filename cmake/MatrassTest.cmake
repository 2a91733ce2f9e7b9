# SPDX-License-Identifier: BSD-3-Clause
# matrass_add_test(<folder>.<name> [SOURCES ...] [RANKS 1 2 3 ...] [TIMEOUT seconds] [LIBRARIES ...] [LABELS ...])
#
# One executable and one CTest test for each number of ranks: `redistribute.all_pairs.np6` runs under mpiexec with 6
# ranks. Without RANKS the test is serial, keeps its plain name and is started without a launcher. SOURCES defaults to
# <name>.cpp. TIMEOUT (default 300) is the outer limit; the tests' own main has a shorter one and prints stacks.
find_package(GTest REQUIRED)

function(matrass_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;RANKS;LIBRARIES;LABELS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "matrass_add_test(${name}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  string(REGEX REPLACE "^.*\\." "" stem "${name}")
  if(NOT arg_SOURCES)
    set(arg_SOURCES ${stem}.cpp)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  string(REPLACE "." "_" target "test_${name}")
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE matrass::matrass matrass_options ${arg_LIBRARIES})
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
  endforeach()
endfunction()

# Ranks are limited to one BLAS thread each: they share the machine.
macro(matrass_set_test_properties test ranks)
  set_tests_properties(${test} PROPERTIES TIMEOUT ${arg_TIMEOUT} PROCESSORS ${ranks} LABELS "${arg_LABELS}"
                       ENVIRONMENT "OPENBLAS_NUM_THREADS=1;OMP_NUM_THREADS=1;UCX_HANDLE_ERRORS=none")
endmacro()
