#include "artifact/sample_layer.h"

#include <fmt/core.h>

#include <cstdlib>
#include <string_view>

#include "artifact/layer_worker.h"

namespace zeropull::artifact {

std::string one_file_layer(const std::string& name, const std::string& data) {
  std::string header(512, '\0');
  name.copy(header.data(), 100);
  fmt::format("0000644").copy(header.data() + 100, 8);
  fmt::format("{:011o}", data.size()).copy(header.data() + 124, 12);
  header[156] = '0';
  std::string("ustar\00000", 8).copy(header.data() + 257, 8);
  std::string(8, ' ').copy(header.data() + 148, 8);
  unsigned sum = 0;
  for (char c : header) sum += static_cast<unsigned char>(c);
  fmt::format("{:06o}", sum).copy(header.data() + 148, 6);
  header[154] = '\0';
  return header + data + std::string((512 - data.size() % 512) % 512 + 1024, '\0');
}

std::optional<int> run_as_layer_worker(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "layer-worker") return std::nullopt;
  if (argc != 6) return 2;
  return layer_worker_main({.expanded_max = std::strtoull(argv[3], nullptr, 10), .zstd_window_log_max = std::atoi(argv[5])});
}

}  // namespace zeropull::artifact
