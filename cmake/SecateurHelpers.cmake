# Build helpers: one library per dialect and per stage, one precompiled header
# of the usual MLIR headers for all of them.

add_library(SecateurOptions INTERFACE)
target_compile_options(SecateurOptions INTERFACE
  # One precompiled header for libraries and tools: all are -fPIC.
  -fPIC -Wall -Wextra -Wno-unused-parameter -fno-exceptions
  # ccache can share objects only where precompiled headers carry no time.
  "SHELL:-Xclang -fno-pch-timestamp")
if(SECATEUR_WERROR)
  target_compile_options(SecateurOptions INTERFACE -Werror)
endif()
if(SECATEUR_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize=vptr,function)
  add_link_options(-fsanitize=address,undefined)
endif()

# The precompiled header itself: an object library that the others reuse.
file(WRITE ${CMAKE_BINARY_DIR}/SecateurPCH.cpp.tmp "// Anchor of the precompiled header.\n")
configure_file(${CMAKE_BINARY_DIR}/SecateurPCH.cpp.tmp ${CMAKE_BINARY_DIR}/SecateurPCH.cpp COPYONLY)
add_library(SecateurPCH OBJECT ${CMAKE_BINARY_DIR}/SecateurPCH.cpp)
target_link_libraries(SecateurPCH PRIVATE SecateurOptions)
target_precompile_headers(SecateurPCH PRIVATE ${CMAKE_SOURCE_DIR}/cmake/PrecompiledHeaders.h)

# secateur_library(NAME sources... [DEPENDS targets...] [LINK libraries...])
# A static library of one dialect or stage. DEPENDS names tablegen targets,
# LINK the libraries of ours (or of third parties) that it uses.
function(secateur_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE SecateurOptions PUBLIC ${ARG_LINK} MLIR LLVM)
  if(NOT ARG_NO_PCH)
    target_precompile_headers(${name} REUSE_FROM SecateurPCH)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# secateur_tool(NAME sources... LINK libraries...)
function(secateur_tool name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE SecateurOptions ${ARG_LINK} MLIR LLVM)
  target_precompile_headers(${name} REUSE_FROM SecateurPCH)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# secateur_dialect(TARGET DIALECT FILE namespace): the generated code of
# <FILE>.td (ops, types, attributes, enums, dialect) in the current folder.
function(secateur_dialect target file namespace)
  set(LLVM_TARGET_DEFINITIONS ${file}.td)
  mlir_tablegen(${file}.h.inc -gen-op-decls -dialect=${namespace})
  mlir_tablegen(${file}.cpp.inc -gen-op-defs -dialect=${namespace})
  mlir_tablegen(${file}Dialect.h.inc -gen-dialect-decls -dialect=${namespace})
  mlir_tablegen(${file}Dialect.cpp.inc -gen-dialect-defs -dialect=${namespace})
  mlir_tablegen(${file}Types.h.inc -gen-typedef-decls -typedefs-dialect=${namespace})
  mlir_tablegen(${file}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${namespace})
  mlir_tablegen(${file}Attributes.h.inc -gen-attrdef-decls -attrdefs-dialect=${namespace})
  mlir_tablegen(${file}Attributes.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${namespace})
  mlir_tablegen(${file}Enums.h.inc -gen-enum-decls)
  mlir_tablegen(${file}Enums.cpp.inc -gen-enum-defs)
  add_public_tablegen_target(${target})
endfunction()

# secateur_passes(TARGET Passes.td prefix): pass declarations of one stage.
function(secateur_passes target file name)
  set(LLVM_TARGET_DEFINITIONS ${file})
  mlir_tablegen(Passes.h.inc -gen-pass-decls -name ${name})
  add_public_tablegen_target(${target})
endfunction()
