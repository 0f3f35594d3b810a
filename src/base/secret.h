// Secret: a password, token or key as text. It prints as *** and is given out only by reveal(), so that a log line or an error
// message cannot leak it by accident; its bytes are overwritten when it ends. A plain value: not locked.
#pragma once

#include <fmt/core.h>
#include <string.h>

#include <string>
#include <string_view>
#include <utility>

namespace zeropull {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other) {
    if (this != &other) Secret(other).swap(*this);
    return *this;
  }
  Secret(Secret&& other) noexcept { swap(other); }
  Secret& operator=(Secret&& other) noexcept {
    Secret(std::move(other)).swap(*this);
    return *this;
  }
  ~Secret() { ::explicit_bzero(text_.data(), text_.size()); }

  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  void swap(Secret& other) noexcept { text_.swap(other.text_); }
  std::string text_;
};

}  // namespace zeropull

template <>
struct fmt::formatter<zeropull::Secret> : fmt::formatter<std::string_view> {
  auto format(const zeropull::Secret&, format_context& ctx) const { return fmt::format_to(ctx.out(), "***"); }
};
