# What `cmake --install` puts where: the public headers, the archives, their CMake package and their
# pkg-config files, the program. All of it may be moved afterwards.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
set(generated_dir ${PROJECT_BINARY_DIR}/package)
get_target_property(SLUICE_LIBRARIES sluice_archive SLUICE_LIBRARIES)
get_target_property(SLUICE_WAL_LIBRARIES sluice_wal_archive SLUICE_LIBRARIES)

install(DIRECTORY include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(TARGETS sluice_archive sluice_wal_archive EXPORT sluice
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT sluice NAMESPACE sluice:: FILE sluiceTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/sluiceConfig.cmake.in ${generated_dir}/sluiceConfig.cmake
                              INSTALL_DESTINATION ${package_dir}
                              NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${generated_dir}/sluiceConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${generated_dir}/sluiceConfig.cmake ${generated_dir}/sluiceConfigVersion.cmake
              cmake/libraries.cmake
        DESTINATION ${package_dir})

file(RELATIVE_PATH prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
function(sluice_pkgconfig name description)
  set(linked "")
  foreach(library ${ARGN})
    string(REGEX REPLACE "^sluice::" "-l" library ${library})
    string(REGEX REPLACE "^Threads::Threads$" "-pthread" library ${library})
    string(APPEND linked " ${library}")
  endforeach()
  configure_file(cmake/sluice.pc.in ${generated_dir}/${name}.pc @ONLY)
  install(FILES ${generated_dir}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()
sluice_pkgconfig(sluice "A crash-safe write path from events to Iceberg tables" ${SLUICE_LIBRARIES})
sluice_pkgconfig(sluice_wal "The write-ahead log of Sluice" ${SLUICE_WAL_LIBRARIES})

if(SLUICE_PROGRAM)
  install(TARGETS sluice RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
