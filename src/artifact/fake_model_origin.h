// FakeModelOrigin: a model in memory, with a script of faults. Thread-safe once it is set up.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "origin/origin.h"

namespace zeropull::artifact {

class FakeModelOrigin final : public origin::ModelOrigin {
 public:
  // Adds a file with its right MD5.
  void add(const std::string& path, std::string bytes);
  // From now on the file's bytes have one bit flipped; what is stated of it stays.
  void flip_bit(const std::string& path, std::size_t at);
  void set_form(origin::ModelForm form) { form_ = form; }
  void set_ranged(bool ranged) { ranged_ = ranged; }  // of files added later
  const std::map<std::string, std::string>& files() const { return bytes_; }
  std::uint64_t bytes_read() const { return bytes_read_; }

  Result<origin::ModelListing> list(const Context& ctx) override;
  Result<void> read(const Context& ctx, const origin::ModelFile& file, std::uint64_t offset, std::uint64_t length,
                    const origin::ByteSink& sink) override;

 private:
  origin::ModelForm form_ = origin::ModelForm::kTree;
  bool ranged_ = true;
  std::map<std::string, std::string> bytes_;
  std::map<std::string, origin::ModelFile> stated_;
  std::atomic<std::uint64_t> bytes_read_ = 0;
};

}  // namespace zeropull::artifact
