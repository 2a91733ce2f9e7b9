# SPDX-License-Identifier: BSD-3-Clause
# The extension module _core from src/bindings/*.cpp, with the guard beside it as libmpi.so.12.

file(GLOB matrass_bindings CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/src/bindings/*.cpp")
if(NOT matrass_bindings)
  message(STATUS "matrass: src/bindings holds no source: _core is left out")
  return()
endif()

# Prefer the project's own virtual environment, then the active one.
if(NOT Python_EXECUTABLE AND NOT SKBUILD AND EXISTS "${CMAKE_SOURCE_DIR}/.venv/bin/python")
  set(Python_EXECUTABLE "${CMAKE_SOURCE_DIR}/.venv/bin/python")
endif()
find_package(Python 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
if(NOT pybind11_DIR)
  execute_process(COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir OUTPUT_VARIABLE pybind11_DIR
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
find_package(pybind11 3 CONFIG QUIET)
if(NOT pybind11_FOUND)
  if(SKBUILD)
    message(FATAL_ERROR "matrass: pybind11 >= 3 is missing in the build environment")
  endif()
  message(WARNING "matrass: pybind11 >= 3 was not found by ${Python_EXECUTABLE}: _core is left out (./run build makes .venv)")
  return()
endif()

pybind11_add_module(_core MODULE NO_EXTRAS ${matrass_bindings})
target_compile_definitions(_core PRIVATE MATRASS_VERSION_STRING="${PROJECT_VERSION}")
if(BUILD_SHARED_LIBS)
  target_link_libraries(_core PRIVATE matrass matrass_options)
else()
  # Whole: libraries of routines that are loaded later find every symbol in _core.
  target_link_libraries(_core PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,matrass>" matrass_options)
endif()
# RPATH and not RUNPATH: another libmpi.so.12 in LD_LIBRARY_PATH must not come before the guard.
set_target_properties(_core PROPERTIES INSTALL_RPATH "$ORIGIN")
target_link_options(_core PRIVATE LINKER:--disable-new-dtags)
