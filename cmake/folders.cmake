# One static library per folder under src/, one test program per folder with tests.

# LIBS: names of the system's libraries, or targets.
function(sluice_folder name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARG_DEPS PREPEND sluice_)
  foreach(library ${ARG_LIBS})
    if(NOT TARGET ${library})
      sluice_find_library(${library})
      list(TRANSFORM ARG_LIBS PREPEND sluice:: REGEX "^${library}$")
    endif()
  endforeach()
  if(sluice_missing_library)
    message(FATAL_ERROR "no library ${sluice_missing_library}: see scripts/packages.txt")
  endif()
  add_library(sluice_${name} STATIC ${sources})
  set_target_properties(sluice_${name} PROPERTIES SLUICE_LIBRARIES "${ARG_LIBS}")
  target_include_directories(sluice_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include
                                                   ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(sluice_${name} PUBLIC ${ARG_DEPS} ${ARG_LIBS})
  if(SLUICE_TESTS AND tests)
    sluice_test(${name}_test SOURCES ${tests} DEPS ${name} io)
  endif()
endfunction()

# sluice::sluice, for those who embed: one archive of these folders, and the public headers only.
function(sluice_archive)
  set(libraries "")
  add_library(sluice_archive STATIC)
  foreach(folder ${ARGN})
    target_sources(sluice_archive PRIVATE $<TARGET_OBJECTS:sluice_${folder}>)
    get_target_property(of_folder sluice_${folder} SLUICE_LIBRARIES)
    list(APPEND libraries ${of_folder})
  endforeach()
  list(REMOVE_DUPLICATES libraries)
  set_target_properties(sluice_archive PROPERTIES OUTPUT_NAME sluice EXPORT_NAME sluice
                        SLUICE_LIBRARIES "${libraries}")
  target_compile_features(sluice_archive PUBLIC cxx_std_20)
  target_include_directories(sluice_archive INTERFACE
                             $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
  target_link_libraries(sluice_archive PRIVATE ${libraries})
  add_library(sluice::sluice ALIAS sluice_archive)
endfunction()

# A GoogleTest program; every TEST becomes a ctest entry of its program.
function(sluice_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  list(TRANSFORM ARG_DEPS PREPEND sluice_)
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${ARG_LIBS} GTest::gtest GTest::gmock
                                        GTest::gtest_main)
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
                       PROPERTIES TIMEOUT 300)
endfunction()

function(sluice_program name folder)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARG_DEPS PREPEND sluice_)
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} ${ARG_LIBS})
endfunction()
