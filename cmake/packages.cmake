# Every library from Debian's packages, as SYSTEM imported targets.
#
# gRPC, protobuf and what they alone use are linked in: to load them as 46 shared libraries would cost every start of the program
# (and of each layer worker) 8 ms of processor time, half of it looking up their symbols. Not in trees with sanitizers, whose
# suppressions tell code of ours from theirs by the library that it lies in.
if(NOT ZP_SANITIZE)
  set(Protobuf_USE_STATIC_LIBS ON)
  unset(Protobuf_LIBRARY_RELEASE CACHE)  # a tree may remember the shared one
endif()
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED) # its headers: http loads the library itself
find_package(EXPAT REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(GTest)
find_package(benchmark)
pkg_check_modules(GRPCPP REQUIRED IMPORTED_TARGET grpc++)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)

if(NOT ZP_SANITIZE)
  get_target_property(libraries PkgConfig::GRPCPP INTERFACE_LINK_LIBRARIES)
  list(REMOVE_DUPLICATES libraries)
  set(group ${Protobuf_LIBRARY_RELEASE})  # they use one another, in no order
  set(others "")
  foreach(library IN LISTS libraries)
    string(REGEX REPLACE "(/lib(grpc|grpc\\+\\+|gpr|upb|address_sorting|absl_[a-z0-9_]+))\\.so$" "\\1.a" library ${library})
    if(library MATCHES "\\.(so|a)$")
      list(APPEND group ${library})
    else()
      list(APPEND others ${library})
    endif()
  endforeach()
  list(JOIN group "," group)
  set_target_properties(PkgConfig::GRPCPP PROPERTIES INTERFACE_LINK_LIBRARIES "$<LINK_GROUP:RESCAN,${group}>;${others}")
endif()
