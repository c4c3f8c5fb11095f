# Compiler settings shared by every target. The release compiler is clang 19 with libstdc++ 12
# (docs/adr/0002); the core modules also build with g++ 12 as a portability check.

option(LANRAGE_TESTS "Build the tests" ON)
option(LANRAGE_BENCH "Build the benches" OFF)
option(LANRAGE_FUZZ "Build fuzz targets with libFuzzer" OFF)
option(LANRAGE_CORE_ONLY "Build only the core modules and their tests" OFF)
set(LANRAGE_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(lanrage_flags INTERFACE)
target_compile_options(lanrage_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual -fno-omit-frame-pointer)
if(LANRAGE_WERROR)
  target_compile_options(lanrage_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(lanrage_flags INTERFACE -Wno-dangling-else)  # EXPECT_ under a bare `if`
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(-fuse-ld=lld-19)
endif()
target_include_directories(lanrage_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)

# UBSan doubles the compile time of units that include Beast, and -O1 does the same to instrumented
# ones, so only core modules get them (lanrage_core_options): they have the long loops and small
# headers. The other sanitizers apply everywhere. LANRAGE_TREE names the tree in test
# names, because ./dev test runs several trees in one ctest.
set(LANRAGE_TREE "")
set(LANRAGE_CORE_SANITIZE "")
if(LANRAGE_SANITIZE)
  set(LANRAGE_CORE_SANITIZE -O1)
  string(REPLACE "," ";" sanitizers "${LANRAGE_SANITIZE}")
  if("undefined" IN_LIST sanitizers)
    list(APPEND LANRAGE_CORE_SANITIZE -fsanitize=undefined -fno-sanitize-recover=all)
    list(REMOVE_ITEM sanitizers undefined)
  endif()
  foreach(sanitizer ${sanitizers})
    add_compile_options(-fsanitize=${sanitizer} -fno-sanitize-recover=all)
  endforeach()
  add_link_options(-fsanitize=${LANRAGE_SANITIZE})
  if("thread" IN_LIST sanitizers)
    set(LANRAGE_TREE "tsan.")
  else()
    set(LANRAGE_TREE "asan.")
  endif()
endif()
if(LANRAGE_FUZZ)
  # Coverage in every module; only the fuzz targets link the fuzzer's main().
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

if(LANRAGE_SANITIZE OR LANRAGE_FUZZ)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)  # empty optionals, bounds of spans and vectors
endif()

find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
