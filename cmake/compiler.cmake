# Warnings and instrumentation, the same for every target of ours.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

set(ZP_SANITIZE "" CACHE STRING "sanitizers of this tree: '' or address,undefined or thread")
set(ZP_FUZZERS OFF CACHE BOOL "build the libFuzzer programs (clang)")
set(ZP_TESTED_ROOMS "" CACHE STRING "the rooms whose tests this tree has; '' for all")

# What `ctest -L unit` runs, and every header that protoc makes: all that the trees for analysis build.
add_custom_target(unit_tests)
add_custom_target(generated_headers)

add_library(zp_flags INTERFACE)
target_include_directories(zp_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(zp_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Werror)
# g++ 12 reports false positives of the first two from inlined standard library code. The third takes a file of a unity build for a
# header: the release and tsan trees compile the sources of a target in batches, which halves their time; the asan tree compiles
# each alone, which finds what a file forgot to include.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(zp_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-subobject-linkage)
else()
  # libstdc++ 12's stable_sort uses its own deprecated get_temporary_buffer.
  target_compile_options(zp_flags INTERFACE -Wno-deprecated-declarations)
endif()
if(ZP_SANITIZE)
  # Optimizing instrumented code takes most of such a build; lines are all that a report needs.
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -gline-tables-only")
  add_compile_options(-fsanitize=${ZP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ZP_SANITIZE})
endif()
