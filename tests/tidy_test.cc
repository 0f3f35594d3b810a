// The style test: reads the tracked files and fails on what STYLE's habits forbid and a compiler does not see. Each rule says
// what to do instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

const std::filesystem::path kRoot = ZP_SOURCE_DIR;

// In order of dependence; a room may include only rooms before it.
const std::vector<std::string> kRooms{"base",  "os",     "sqlite",   "identity", "http",    "codec", "erofs",   "aws", "oci",
                                      "store", "origin", "artifact", "snapshot", "runtime", "agent", "control", "cli", "testing"};

struct SourceFile {
  std::string path;  // from the root of the checkout
  std::string room;  // "" outside src/
  std::string text;
  std::vector<std::string> lines;
  bool header = false;
};

std::vector<std::string> tracked_paths() {
  std::unique_ptr<FILE, int (*)(FILE*)> out(popen(("git -C " + kRoot.string() + " ls-files").c_str(), "r"), pclose);
  std::vector<std::string> paths;
  std::array<char, 4096> line;
  while (fgets(line.data(), line.size(), out.get()) != nullptr) {
    std::string path(line.data());
    if (!path.empty() && path.back() == '\n') path.pop_back();
    if (std::filesystem::exists(kRoot / path)) paths.push_back(path);
  }
  return paths;
}

const std::vector<SourceFile>& cpp_files() {
  static const std::vector<SourceFile> files = [] {
    std::vector<SourceFile> found;
    for (const auto& path : tracked_paths()) {
      bool header = path.ends_with(".h");
      if (!header && !path.ends_with(".cc")) continue;
      SourceFile file{path, "", "", {}, header};
      std::stringstream text;
      text << std::ifstream(kRoot / path).rdbuf();
      file.text = text.str();
      std::string line;
      while (std::getline(text, line)) file.lines.push_back(line);
      std::smatch match;
      if (std::regex_search(path, match, std::regex("^src/([a-z]+)/"))) file.room = match[1];
      found.push_back(std::move(file));
    }
    return found;
  }();
  return files;
}

bool is_test(const SourceFile& file) {
  return file.path.find("_test.cc") != std::string::npos || file.path.starts_with("tests/") || file.path.starts_with("bench/") ||
         file.path.find("_bench.cc") != std::string::npos || file.path.find("testing/") != std::string::npos ||
         file.path.find("_fuzz.cc") != std::string::npos;
}

std::string without_comment(const std::string& line) {
  auto at = line.find("//");
  return at == std::string::npos ? line : line.substr(0, at);
}

TEST(Tidy, git_lists_the_sources) { EXPECT_GT(cpp_files().size(), 20u); }

TEST(Tidy, rooms_use_only_rooms_before_them) {
  std::map<std::string, std::size_t> rank;
  for (std::size_t i = 0; i < kRooms.size(); ++i) rank[kRooms[i]] = i;
  std::regex include("^#include \"([a-z]+)/");
  for (const auto& file : cpp_files()) {
    if (file.room.empty()) continue;
    ASSERT_TRUE(rank.contains(file.room)) << file.path << ": a room that the list of rooms does not have";
    for (const auto& line : file.lines) {
      std::smatch match;
      if (!std::regex_search(line, match, include) || !rank.contains(match[1])) continue;
      if (match[1] == "testing" && is_test(file)) continue;
      EXPECT_LE(rank[match[1]], rank[file.room]) << file.path << ": upward edge: " << line;
    }
  }
}

TEST(Tidy, every_room_is_on_the_map_and_has_a_readme) {
  std::stringstream architecture;
  architecture << std::ifstream(kRoot / "ARCHITECTURE.md").rdbuf();
  std::set<std::string> rooms;
  for (const auto& file : cpp_files()) {
    if (!file.room.empty()) rooms.insert(file.room);
  }
  for (const auto& room : rooms) {
    EXPECT_NE(architecture.str().find("| `" + room + "` |"), std::string::npos) << "ARCHITECTURE.md's map lacks " << room;
    EXPECT_TRUE(std::filesystem::exists(kRoot / "src" / room / "README.md")) << "src/" << room << "/README.md is missing";
  }
  std::regex row("\\n\\| `([a-z]+)` \\|");
  auto text = architecture.str();
  for (std::sregex_iterator at(text.begin(), text.end(), row), end; at != end; ++at) {
    EXPECT_TRUE(rooms.contains((*at)[1])) << "ARCHITECTURE.md's map names " << (*at)[1] << ", which src/ lacks";
  }
}

TEST(Tidy, files_and_lines_are_short) {
  for (const auto& file : cpp_files()) {
    EXPECT_LE(file.lines.size(), file.header ? 200u : 500u) << file.path << ": the noun is two nouns: split it";
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      EXPECT_LE(file.lines[i].size(), 130u) << file.path << ":" << i + 1 << ": long line";
    }
  }
}

TEST(Tidy, banned_calls_have_replacements) {
  struct Ban {
    std::regex pattern;
    std::string instead;
    bool in_tests;
  };
  const std::vector<Ban> bans{
      {std::regex("\\bstd::system\\(|\\bpopen\\("), "os::run_program", false},
      {std::regex("\\bsprintf\\(|\\bstrcpy\\(|\\bstrcat\\("), "fmt::format", true},
      {std::regex("\\brand\\(\\)|std::mt19937"), "base/clock.h Random, from a printed seed", false},
      {std::regex("\\.detach\\(\\)"), "an owner that joins", true},
      {std::regex("std::async\\("), "Executor", true},
      {std::regex("sleep_for\\(|sleep_until\\(|\\busleep\\("), "Context::sleep, or a condition in a test", true},
      {std::regex("\\bgmtime\\(|\\blocaltime\\("), "fmt/chrono or gmtime_r", true},
      {std::regex("std::cout|std::cerr"), "fmt::print or LOG_*", true},
      {std::regex("\\bco_await\\b|\\bco_return\\b"), "blocking calls on bounded pools (STYLE 4)", true},
      {std::regex("\\bassert\\("), "CHECK", true},
  };
  for (const auto& file : cpp_files()) {
    if (file.path == "tests/tidy_test.cc") continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      auto code = without_comment(file.lines[i]);
      for (const auto& ban : bans) {
        if (is_test(file) && !ban.in_tests) continue;
        EXPECT_FALSE(std::regex_search(code, ban.pattern)) << file.path << ":" << i + 1 << ": use " << ban.instead;
      }
    }
  }
}

TEST(Tidy, only_os_makes_raw_system_calls) {
  std::regex raw(
      "(^|[^\\w:.>])(::)?(fork|vfork|umount2|unshare|setns|pivot_root|syscall|ioctl|fsopen|fsconfig|move_mount|"
      "prctl|execve|execvpe|waitpid|fanotify_init|fanotify_mark)\\(");
  for (const auto& file : cpp_files()) {
    if (file.room.empty() || file.room == "os" || is_test(file)) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      EXPECT_FALSE(std::regex_search(without_comment(file.lines[i]), raw))
          << file.path << ":" << i + 1 << ": system calls live in src/os";
    }
  }
}

TEST(Tidy, heavy_headers_stay_in_the_rooms_that_own_them) {
  struct Heavy {
    std::regex include;
    std::set<std::string> rooms;
  };
  const std::vector<Heavy> heavy{
      {std::regex("^#include [<\"](grpcpp|grpc)/"), {"runtime", "agent", "control", "cli"}},
      {std::regex("^#include <boost/(beast|asio)"), {"http", "control"}},
      {std::regex("^#include <nlohmann/json\\.hpp>"),
       {"codec", "aws", "oci", "artifact", "store", "runtime", "agent", "control", "cli"}},
      {std::regex("^#include <CLI/"), {"cli"}},
      {std::regex("^#include <sqlite3\\.h>"), {"sqlite"}},
      {std::regex("^#include <spdlog/"), {"base"}},
      {std::regex("^#include <curl/"), {"http"}},
  };
  for (const auto& file : cpp_files()) {
    for (const auto& line : file.lines) {
      for (const auto& one : heavy) {
        if (!std::regex_search(line, one.include) || is_test(file) || file.room.empty()) continue;
        EXPECT_FALSE(file.header && file.path != "src/http/curl_library.h")
            << file.path << ": heavy include in a header: " << line;
        EXPECT_TRUE(one.rooms.contains(file.room)) << file.path << ": heavy include outside its room: " << line;
      }
    }
  }
}

TEST(Tidy, todo_names_an_issue) {
  std::regex todo("\\b(TODO|FIXME|XXX|HACK)\\b(?!\\(#\\d+\\))");
  for (const auto& file : cpp_files()) {
    if (file.path == "tests/tidy_test.cc") continue;
    EXPECT_FALSE(std::regex_search(file.text, todo)) << file.path;
  }
}

// TRY inside braces or arguments leaks under g++ 12.2: it stands alone or initialises one variable.
TEST(Tidy, try_stands_alone_or_initialises_one_variable) {
  std::regex fine("^\\s*$|= $|[;{)]\\s*$|\\belse\\s*$");
  std::regex designated("[{,]\\s*\\.\\w+ = $");
  std::regex call("\\bTRY\\(");
  for (const auto& file : cpp_files()) {
    if (file.path == "src/base/result.h") continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      auto code = without_comment(file.lines[i]);
      for (std::sregex_iterator at(code.begin(), code.end(), call), end; at != end; ++at) {
        auto before = code.substr(0, static_cast<std::size_t>(at->position()));
        auto open = std::ranges::count(before, '(') - std::ranges::count(before, ')');
        EXPECT_TRUE(open <= 0 && std::regex_search(before, fine) && !std::regex_search(before, designated))
            << file.path << ":" << i + 1 << ": TRY inside an expression";
      }
    }
  }
}

TEST(Tidy, headers_open_with_a_paragraph_and_pragma_once) {
  for (const auto& file : cpp_files()) {
    if (!file.header || file.lines.empty()) continue;
    EXPECT_TRUE(file.lines[0].starts_with("//")) << file.path << ": open with what it is, for a newcomer";
    EXPECT_NE(file.text.find("#pragma once"), std::string::npos) << file.path;
  }
}

}  // namespace
