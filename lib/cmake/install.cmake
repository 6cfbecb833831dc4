# cmake --install: the library, its headers, and the files by which find_package(hmap) and
# pkg-config find it. All of them relative to where they lie, so the tree may be moved.
include(CMakePackageConfigHelpers)

set(HMAP_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/hmap)
set(HMAP_PKGCONFIG_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS hmap EXPORT hmapTargets
  LIBRARY COMPONENT runtime NAMELINK_COMPONENT dev
  ARCHIVE COMPONENT dev
  FILE_SET HEADERS COMPONENT dev)
install(EXPORT hmapTargets NAMESPACE hmap:: DESTINATION ${HMAP_PACKAGE_DIR} COMPONENT dev)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/hmapConfig.cmake.in hmapConfig.cmake
  INSTALL_DESTINATION ${HMAP_PACKAGE_DIR}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(hmapConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/hmapConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/hmapConfigVersion.cmake
  DESTINATION ${HMAP_PACKAGE_DIR} COMPONENT dev)

# hmap.pc says where things are from its own place, ${pcfiledir}.
file(RELATIVE_PATH HMAP_PC_PREFIX
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH HMAP_PC_LIBDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH HMAP_PC_INCLUDEDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
string(REGEX REPLACE "/$" "" HMAP_PC_PREFIX "${HMAP_PC_PREFIX}")
set(HMAP_PC_CFLAGS "")
set(HMAP_PC_LIBS "")
if(HMAP_TYPE STREQUAL STATIC_LIBRARY)
  set(HMAP_PC_CFLAGS " -DHMAP_STATIC_DEFINE")
  foreach(library IN LISTS HMAP_LIBRARIES)
    string(APPEND HMAP_PC_LIBS " -l${library}")
  endforeach()
  if(CMAKE_THREAD_LIBS_INIT)
    string(APPEND HMAP_PC_LIBS " ${CMAKE_THREAD_LIBS_INIT}")
  endif()
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/hmap.pc.in hmap.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/hmap.pc
  DESTINATION ${HMAP_PKGCONFIG_DIR} COMPONENT dev)
