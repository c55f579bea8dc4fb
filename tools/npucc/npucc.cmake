# Kernels in CMake projects.
#
#   npucc_image(<target> <source> OUTPUT <file>)
#     Builds the device image of a source. <target> is part of ALL.
#   npucc_sources(<target> <source>...)
#     Compiles sources with kernels or launches and adds them to an executable or library, with the
#     include directories, definitions and options of <target>.
#
# Inside of the vnpu tree both use the npucc of the build, elsewhere the one of the installation.

if(TARGET npucc)
  set(NPUCC_COMMAND $<TARGET_FILE:npucc>)
  set(NPUCC_DEPENDS npucc)
else()
  find_program(NPUCC_COMMAND npucc HINTS ${CMAKE_CURRENT_LIST_DIR}/../../../bin
                                         ${CMAKE_CURRENT_LIST_DIR}/../../../../bin REQUIRED)
  set(NPUCC_DEPENDS ${NPUCC_COMMAND})
endif()

function(npucc_image target source)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "OUTPUT" "")
  if(NOT arg_OUTPUT)
    message(FATAL_ERROR "npucc_image(${target} ${source}): OUTPUT <file> is missing")
  endif()
  cmake_path(ABSOLUTE_PATH source)
  cmake_path(ABSOLUTE_PATH arg_OUTPUT BASE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  add_custom_command(
    OUTPUT ${arg_OUTPUT}
    COMMAND ${NPUCC_COMMAND} --compiler ${CMAKE_CXX_COMPILER} --device ${source} -o ${arg_OUTPUT}
            -MMD -MF ${arg_OUTPUT}.d
    DEPENDS ${NPUCC_DEPENDS} ${source}
    DEPFILE ${arg_OUTPUT}.d
    COMMENT "Building device image ${target}"
    VERBATIM)
  add_custom_target(${target} ALL DEPENDS ${arg_OUTPUT})
endfunction()

function(npucc_sources target)
  string(TOUPPER "${CMAKE_BUILD_TYPE}" config)
  separate_arguments(flags UNIX_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${config}}")
  set(standard $<TARGET_PROPERTY:${target},CXX_STANDARD>)
  set(includes $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
  set(definitions $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>)
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source)
    cmake_path(GET source FILENAME name)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.npucc/${name}.o)
    add_custom_command(
      OUTPUT ${object}
      COMMAND ${NPUCC_COMMAND} --compiler ${CMAKE_CXX_COMPILER} ${flags} -fPIC
              "$<$<BOOL:${standard}>:-std=c++${standard}>"
              "$<$<BOOL:${includes}>:-I$<JOIN:${includes},;-I>>"
              "$<$<BOOL:${definitions}>:-D$<JOIN:${definitions},;-D>>"
              "$<TARGET_PROPERTY:${target},COMPILE_OPTIONS>"
              -c ${source} -o ${object} -MMD -MF ${object}.d
      DEPENDS ${NPUCC_DEPENDS} ${source}
      DEPFILE ${object}.d
      COMMENT "Building NPU object ${target}/${name}"
      COMMAND_EXPAND_LISTS VERBATIM)
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${target}.npucc)
    set_source_files_properties(${object} PROPERTIES GENERATED TRUE EXTERNAL_OBJECT TRUE)
    target_sources(${target} PRIVATE ${object})
  endforeach()
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
endfunction()
