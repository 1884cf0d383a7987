# A program with a planted bug, which its test must find. The patched objects come before the
# libraries, so the libraries' own are never pulled.
#   sluice_planted(program PATCH file SOURCES ... DEPS ...)
find_package(Git REQUIRED)

function(sluice_planted program)
  cmake_parse_arguments(ARG "" "PATCH" "SOURCES;DEPS" ${ARGN})
  # The names of its files are read here.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${ARG_PATCH})
  file(STRINGS ${ARG_PATCH} files REGEX "^\\+\\+\\+ b/")
  list(TRANSFORM files REPLACE "^\\+\\+\\+ b/" "")
  set(out ${CMAKE_CURRENT_BINARY_DIR}/planted/${program})
  set(planted ${files})
  set(originals ${files})
  list(TRANSFORM planted PREPEND ${out}/)
  list(TRANSFORM originals PREPEND ${PROJECT_SOURCE_DIR}/)
  list(JOIN files "," names)
  add_custom_command(
    OUTPUT ${planted}
    COMMAND ${CMAKE_COMMAND} -DGIT=${GIT_EXECUTABLE} -DROOT=${PROJECT_SOURCE_DIR}
            -DPATCH=${ARG_PATCH} -DFILES=${names} -DOUT=${out}
            -P ${PROJECT_SOURCE_DIR}/cmake/plant.cmake
    DEPENDS ${ARG_PATCH} ${originals} ${PROJECT_SOURCE_DIR}/cmake/plant.cmake
    VERBATIM)
  list(TRANSFORM ARG_DEPS PREPEND sluice_)
  add_executable(${program} ${ARG_SOURCES} ${planted})
  target_compile_options(${program} PRIVATE -w)  # a bug may leave something unused
  target_link_libraries(${program} PRIVATE ${ARG_DEPS})
endfunction()
