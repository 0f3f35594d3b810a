// CurlLibrary: libcurl, loaded when the first client is made. With the program's other libraries it would bring 26 more (of
// Kerberos, LDAP, GnuTLS ..) into every start of it, where most of them (`zeropull run`, a layer worker) ask no server anything:
// a quarter of the time from a cold `zeropull run` to a mounted root. Thread-safe.
#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace zeropull::http {

// Functions of libcurl by their names without "curl_".
struct CurlLibrary {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_pause) easy_pause;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_cleanup) multi_cleanup;
  decltype(&::curl_multi_setopt) multi_setopt;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_perform) multi_perform;
  decltype(&::curl_multi_poll) multi_poll;
  decltype(&::curl_multi_wakeup) multi_wakeup;
  decltype(&::curl_multi_info_read) multi_info_read;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
};

// Loads and starts the library at the first call; it stays loaded. kFailedPrecondition where it is not installed, or too old.
Result<const CurlLibrary*> load_curl();

// The library that load_curl has loaded.
const CurlLibrary& curl();

}  // namespace zeropull::http
