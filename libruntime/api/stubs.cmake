# Weak definitions of every acl function, and the list of symbols that libacl_rt.so exports.
#
#   include(api/stubs.cmake)
#   vnpu_use_acl_stubs(acl_rt)
#
# adds the definitions to the target and exports exactly the functions of the table. The functions
# that are implemented must reach the target as objects (its own sources or an OBJECT library): the
# linker does not search archives for something that already has a weak definition.

set(VNPU_ACL_FUNCTIONS ${PROJECT_SOURCE_DIR}/tests/data/api/functions.tsv)
set(VNPU_ACL_STUBS ${CMAKE_CURRENT_BINARY_DIR}/api/acl_stubs.cc)
set(VNPU_ACL_EXPORTS ${CMAKE_CURRENT_BINARY_DIR}/api/acl_exports.map)

add_custom_command(
  OUTPUT ${VNPU_ACL_STUBS} ${VNPU_ACL_EXPORTS}
  COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/gen_stubs.py
          --functions ${VNPU_ACL_FUNCTIONS} --stubs ${VNPU_ACL_STUBS} --exports ${VNPU_ACL_EXPORTS}
  DEPENDS ${VNPU_ACL_FUNCTIONS} ${CMAKE_CURRENT_LIST_DIR}/gen_stubs.py
          ${CMAKE_CURRENT_LIST_DIR}/acl_table.py
  COMMENT "Generating the acl stubs"
  VERBATIM)

# Calls: target, a shared library of this directory.
function(vnpu_use_acl_stubs target)
  target_sources(${target} PRIVATE ${VNPU_ACL_STUBS})
  target_link_options(${target} PRIVATE LINKER:--version-script=${VNPU_ACL_EXPORTS})
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${VNPU_ACL_EXPORTS})
endfunction()
