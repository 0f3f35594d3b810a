#include "http/curl_library.h"

#include <dlfcn.h>

#include <string>

#include "base/check.h"

namespace zeropull::http {

namespace {

constexpr const char* kCurlFile = "libcurl.so.4";

Error missing() {
  const char* why = dlerror();
  return make_error(Code::kFailedPrecondition, "load {}: {}; install libcurl4", kCurlFile, why != nullptr ? why : "unknown");
}

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

Result<CurlLibrary> load() {
  void* file = dlopen(kCurlFile, RTLD_NOW | RTLD_LOCAL);  // never closed: its threads and caches live as long as we do
  if (file == nullptr) return missing();
  CurlLibrary found{};
  const bool complete =
      find(file, "curl_global_init", found.global_init) && find(file, "curl_easy_init", found.easy_init) &&
      find(file, "curl_easy_cleanup", found.easy_cleanup) && find(file, "curl_easy_setopt", found.easy_setopt) &&
      find(file, "curl_easy_getinfo", found.easy_getinfo) && find(file, "curl_easy_pause", found.easy_pause) &&
      find(file, "curl_easy_strerror", found.easy_strerror) && find(file, "curl_multi_init", found.multi_init) &&
      find(file, "curl_multi_cleanup", found.multi_cleanup) && find(file, "curl_multi_setopt", found.multi_setopt) &&
      find(file, "curl_multi_add_handle", found.multi_add_handle) &&
      find(file, "curl_multi_remove_handle", found.multi_remove_handle) &&
      find(file, "curl_multi_perform", found.multi_perform) && find(file, "curl_multi_poll", found.multi_poll) &&
      find(file, "curl_multi_wakeup", found.multi_wakeup) && find(file, "curl_multi_info_read", found.multi_info_read) &&
      find(file, "curl_slist_append", found.slist_append) && find(file, "curl_slist_free_all", found.slist_free_all);
  if (!complete) return missing();
  if (const CURLcode code = found.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK) {
    return make_error(Code::kInternal, "start libcurl: {}", found.easy_strerror(code));
  }
  return found;
}

const Result<CurlLibrary>& loaded() {
  static const Result<CurlLibrary> library = load();
  return library;
}

}  // namespace

Result<const CurlLibrary*> load_curl() {
  const auto& library = loaded();
  if (!library.ok()) return library.error().clone();
  return &*library;
}

const CurlLibrary& curl() {
  const auto& library = loaded();
  CHECK(library.ok());
  return *library;
}

}  // namespace zeropull::http
