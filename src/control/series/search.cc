// SEARCH's text: an optional schema {Namespace,Dimension,..}, then terms that must all hold. CloudWatch User Guide, "Search
// expression syntax".
#include <fmt/format.h>

#include <algorithm>

#include "control/series/limits.h"
#include "control/series/math_tree.h"

namespace zeropull::series {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_word(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

// The words of a text as CloudWatch's search sees them: cut at what is no letter or digit, and between a small and a capital
// letter.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hump = i > 0 && text[i] >= 'A' && text[i] <= 'Z' && text[i - 1] >= 'a' && text[i - 1] <= 'z';
    if ((!is_word(text[i]) || hump) && !words.back().empty()) words.emplace_back();
    if (is_word(text[i])) words.back().push_back(lower(text[i]));
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// Whether the words of `wanted` come in `text` one after the other; or `wanted` is all of it, whatever the case.
bool has_words(std::string_view text, std::string_view wanted) {
  const auto whole = lowered(text), part = lowered(wanted);
  if (whole == part) return true;
  const auto words = words_of(text), wanted_words = words_of(wanted);
  return !wanted_words.empty() && !std::ranges::search(words, wanted_words).empty();
}

class SearchParser {
 public:
  SearchParser(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

  Result<Search> whole() {
    Search search;
    if (take('{')) TRY(schema(search));
    skip();
    while (at_ < text_.size()) {
      if (take_word("AND")) continue;
      auto term = TRY(this->term());
      search.terms.push_back(std::move(term));
      skip();
      if (at_ < text_.size() && peek_word("OR")) return fail("OR stands between the values of one property in parentheses only");
    }
    if (search.terms.empty() && search.name_space.empty()) return fail("a search needs a schema or a term");
    return search;
  }

 private:
  Result<void> schema(Search& search) {
    do {
      auto part = TRY(value());
      if (search.name_space.empty()) {
        search.name_space = std::move(part);
      } else {
        search.dimensions.push_back(std::move(part));
      }
    } while (take(','));
    if (!take('}')) return fail("'}' is missing");
    std::ranges::sort(search.dimensions);
    return {};
  }

  Result<Search::Term> term() {
    Search::Term term;
    term.negated = take_word("NOT");
    if (take('(')) return alternatives(std::move(term));
    term.exact = quoted_next();
    auto first = TRY(value());
    if (!take('=')) {
      term.values.push_back(std::move(first));
      return term;
    }
    term.property = std::move(first);
    if (take('(')) return alternatives(std::move(term));
    term.exact = quoted_next();
    auto wanted = TRY(value());
    term.values.push_back(std::move(wanted));
    return term;
  }

  // value OR value .. ')'
  Result<Search::Term> alternatives(Search::Term term) {
    term.exact = quoted_next();
    do {
      if (quoted_next() != term.exact) return fail("values in parentheses are all quoted, or none is");
      auto wanted = TRY(value());
      term.values.push_back(std::move(wanted));
    } while (take_word("OR"));
    if (!take(')')) return fail("')' is missing");
    return term;
  }

  // Quoted, or up to a character that means something.
  Result<std::string> value() {
    skip();
    std::string out;
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      while (at_ < text_.size() && text_[at_] != '"') out.push_back(text_[at_++]);
      if (at_ >= text_.size()) return fail("a quotation does not end");
      ++at_;
    } else {
      while (at_ < text_.size() && !std::string_view(" \t\n\r\"{}(),=").contains(text_[at_])) out.push_back(text_[at_++]);
    }
    if (out.empty()) return fail("a name or a value is missing");
    return out;
  }

  bool quoted_next() {
    skip();
    return at_ < text_.size() && text_[at_] == '"';
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool peek_word(std::string_view word) const {
    const auto rest = text_.substr(at_);
    return rest.starts_with(word) && (rest.size() == word.size() || rest[word.size()] == ' ' || rest[word.size()] == '(');
  }
  bool take_word(std::string_view word) {
    skip();
    if (!peek_word(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").contains(text_[at_])) ++at_;
  }
  Error fail(std::string_view message) const { return error_at(offset_ + at_, message); }

  std::string_view text_;
  std::size_t offset_;
  std::size_t at_ = 0;
};

bool holds(const Search::Term& term, std::string_view property, std::string_view text) {
  if (!term.property.empty() && term.property != property) return false;
  return std::ranges::any_of(term.values,
                             [&](const auto& wanted) { return term.exact ? text == wanted : has_words(text, wanted); });
}

}  // namespace

Result<Search> parse_search(std::string_view text, std::size_t offset) { return SearchParser(text, offset).whole(); }

bool matches(const Search& search, const SeriesKey& key) {
  if (!search.name_space.empty()) {
    // A schema's dimensions are all that the metric has.
    if (key.name_space != search.name_space || key.dimensions.size() != search.dimensions.size()) return false;
    if (!std::ranges::all_of(search.dimensions, [&](const auto& name) { return key.dimensions.contains(name); })) return false;
  }
  return std::ranges::all_of(search.terms, [&](const auto& term) {
    bool found = holds(term, "MetricName", key.metric) || holds(term, "Namespace", key.name_space);
    for (const auto& [name, value] : key.dimensions) {
      // A term without a property finds the names of dimensions too.
      found = found || holds(term, name, value) || (term.property.empty() && holds(term, "", name));
    }
    return found != term.negated;
  });
}

}  // namespace zeropull::series
