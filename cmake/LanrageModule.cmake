# Modules that decide and do nothing: no sockets, clocks, threads or logs (docs/adr/0003).
set(LANRAGE_CORE_MODULES base crypto stun wireguard lan games party protocol relay path trust)

# Called for targets whose directory bears a core module's name, and for fuzz targets.
function(lanrage_core_options TARGET)
  target_compile_options(${TARGET} PRIVATE ${LANRAGE_CORE_SANITIZE})
endfunction()

# lanrage_module(NAME SOURCES a.cc b.cc DEPENDS base crypto [LINK ext...])
# One static library a module, named lanrage_<NAME>. DEPENDS are lanrage modules, LINK anything else.
function(lanrage_module NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_library(lanrage_${NAME} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND lanrage_ OUTPUT_VARIABLE modules)
  target_link_libraries(lanrage_${NAME} PUBLIC lanrage_flags ${modules} ${ARG_LINK})
  if(NAME IN_LIST LANRAGE_CORE_MODULES)
    lanrage_core_options(lanrage_${NAME})
  endif()
endfunction()

# ./dev test gives ctest this many slots a core. A test that keeps a core busy takes as many, a lab test,
# which waits most of its time, fewer (tests/lab/CMakeLists.txt).
set(LANRAGE_SLOTS_A_CORE 6)

# lanrage_test(NAME SOURCES ... DEPENDS modules [LINK ext...] [LABELS unit])
# One GoogleTest program; ctest sees it whole, so that a run starts few processes. Tests labelled lab
# run alone: they measure times in which other load would show (but see tests/lab/CMakeLists.txt).
# Sanitizer trees have no lab.
function(lanrage_test NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LINK;LABELS" ${ARGN})
  if(LANRAGE_SANITIZE AND "lab" IN_LIST ARG_LABELS)
    return()
  endif()
  find_package(GTest REQUIRED)
  add_executable(${NAME} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPENDS PREPEND lanrage_ OUTPUT_VARIABLE modules)
  target_link_libraries(${NAME} PRIVATE lanrage_flags ${modules} ${ARG_LINK} GTest::gmock GTest::gtest_main)
  target_include_directories(${NAME} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  get_filename_component(directory ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  if(directory IN_LIST LANRAGE_CORE_MODULES)
    lanrage_core_options(${NAME})
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_test(NAME ${LANRAGE_TREE}${NAME} COMMAND ${NAME})
  set_tests_properties(${LANRAGE_TREE}${NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 300)
  if("lab" IN_LIST ARG_LABELS)
    set_tests_properties(${LANRAGE_TREE}${NAME} PROPERTIES RUN_SERIAL TRUE)
  else()
    lanrage_busy_test(${NAME})
  endif()
endfunction()

# A test that keeps a core busy; in the release tree it stands for its like in the sanitizer trees as
# well, which ./dev test runs in the same ctest.
function(lanrage_busy_test NAME)
  set_tests_properties(${LANRAGE_TREE}${NAME} PROPERTIES PROCESSORS ${LANRAGE_SLOTS_A_CORE})
  set_property(GLOBAL APPEND PROPERTY LANRAGE_BUSY_TESTS ${NAME} asan.${NAME} tsan.${NAME})
endfunction()

# lanrage_fuzz(NAME SOURCES fuzz_x.cc DEPENDS modules)
# With LANRAGE_FUZZ a libFuzzer program; otherwise a program that replays fuzz/corpus/NAME in ctest.
function(lanrage_fuzz NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  list(TRANSFORM ARG_DEPENDS PREPEND lanrage_ OUTPUT_VARIABLE modules)
  if(LANRAGE_FUZZ)
    add_executable(fuzz_${NAME} ${ARG_SOURCES})
    target_link_options(fuzz_${NAME} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(fuzz_${NAME} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/fuzz/replay_main.cc)
    set(test ${LANRAGE_TREE}fuzz_replay_${NAME})
    add_test(NAME ${test} COMMAND fuzz_${NAME} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${NAME})
    set_tests_properties(${test} PROPERTIES LABELS fuzz TIMEOUT 120 PROCESSORS ${LANRAGE_SLOTS_A_CORE})
  endif()
  target_link_libraries(fuzz_${NAME} PRIVATE lanrage_flags ${modules})
  lanrage_core_options(fuzz_${NAME})
endfunction()
