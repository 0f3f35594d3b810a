#include "aws/sigv4_verify.h"

#include <algorithm>
#include <array>

#include "aws/canonical.h"
#include "base/check.h"
#include "codec/digest.h"

namespace zeropull::aws {

namespace {

constexpr std::string_view kTerminator = "aws4_request";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::string_view kMismatch =
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing "
    "method. Consult the service documentation for details.";

template <typename... Args>
AuthFailure incomplete(fmt::format_string<Args...> format, Args&&... args) {
  return {AuthFault::kIncompleteSignature, fmt::format(format, std::forward<Args>(args)...)};
}
template <typename... Args>
AuthFailure invalid(fmt::format_string<Args...> format, Args&&... args) {
  return {AuthFault::kInvalidSignature, fmt::format(format, std::forward<Args>(args)...)};
}

// Outside texts in messages: cut, and without what could break a header or a terminal.
std::string quoted(std::string_view text) {
  std::string out(text.substr(0, 128));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

struct Found {
  std::size_t count = 0;
  std::string_view value;  // of the first one
};
Found find_header(HeaderViews headers, std::string_view name) {
  Found found;
  for (const auto& header : headers) {
    if (!http::equal_ignoring_case(header.name, name)) continue;
    if (found.count++ == 0) found.value = http::trim(header.value);
  }
  return found;
}

// "20260621T000000Z"; nullopt for anything else and for days that no calendar has.
std::optional<WallTime> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t count) -> int {
    int value = 0;
    for (const char c : text.substr(at, count)) {
      if (c < '0' || c > '9') return -1;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const int year = number(0, 4), month = number(4, 2), day = number(6, 2);
  const int hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < 1970 || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const auto days = std::chrono::sys_seconds(std::chrono::sys_days(date)).time_since_epoch();
  return wall_time((days + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second)).count());
}

// Takes the next name of a list like "a;b" off its front.
std::string_view take_name(std::string_view& names) {
  const auto name = names.substr(0, names.find(';'));
  names.remove_prefix(std::min(name.size() + 1, names.size()));
  return name;
}

// Lower-case tokens, ascending, each once: then a signature can be read in one way only.
bool is_list_of_names(std::string_view names) {
  if (names.empty() || names.ends_with(';')) return false;
  std::string_view last;
  for (std::size_t count = 1; !names.empty(); ++count) {
    const auto name = take_name(names);
    const auto fits = [](char c) { return c > ' ' && c <= '~' && c != ':' && c != ',' && (c < 'A' || c > 'Z'); };
    if (count > kSignedHeadersMax || name <= last || !std::ranges::all_of(name, fits)) return false;
    last = name;
  }
  return true;
}

bool is_signed(const Authorization& claims, std::string_view header) {
  for (auto names = claims.signed_headers; !names.empty();) {
    if (http::equal_ignoring_case(take_name(names), header)) return true;
  }
  return false;
}

bool must_be_signed(std::string_view header) {
  const auto begins = [&](std::string_view prefix) {
    return header.size() >= prefix.size() && http::equal_ignoring_case(header.substr(0, prefix.size()), prefix);
  };
  return (begins("x-amz-") || begins("x-amzn-")) && !http::equal_ignoring_case(header, "x-amzn-trace-id");
}

std::optional<AuthFailure> read_parameters(std::string_view text, Authorization& out) {
  const auto take = [](std::string_view& to, std::string_view value) {
    if (!to.empty()) return false;
    to = value;
    return true;
  };
  while (!text.empty()) {
    const auto part = http::trim(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(text.find(','), text.size() - 1) + 1);
    const auto equals = part.find('=');
    const auto name = part.substr(0, equals);
    const auto value = equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    const bool taken = (name == "Credential" && take(out.credential, value)) ||
                       (name == "SignedHeaders" && take(out.signed_headers, value)) ||
                       (name == "Signature" && take(out.signature, value));
    if (!taken) return incomplete("Invalid key=value pair (missing equal-sign) in Authorization header: '{}'.", quoted(part));
  }
  if (out.credential.empty()) return incomplete("Authorization header requires 'Credential' parameter.");
  if (out.signature.empty()) return incomplete("Authorization header requires 'Signature' parameter.");
  if (out.signed_headers.empty()) return incomplete("Authorization header requires 'SignedHeaders' parameter.");
  if (!is_list_of_names(out.signed_headers))
    return incomplete("'SignedHeaders' must be lower-case header names in ascending order, got '{}'.",
                      quoted(out.signed_headers));
  return std::nullopt;
}

std::optional<AuthFailure> read_credential(Authorization& out) {
  std::array<std::string_view*, 5> parts = {&out.access_key_id, &out.date, &out.region, &out.service, &out.terminator};
  auto rest = out.credential;
  for (auto* part : parts) {
    *part = rest.substr(0, rest.find('/'));
    const bool last = part == parts.back();
    if (part->empty() || last != (part->size() == rest.size()))
      return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'.",
                        quoted(out.credential));
    if (!last) rest.remove_prefix(part->size() + 1);
  }
  out.scope = out.credential.substr(out.access_key_id.size() + 1);
  return std::nullopt;
}

std::string canonical_request_of(const RequestView& request, const Authorization& claims, std::string_view payload) {
  const auto question = request.target.find('?');
  const auto query = question == std::string_view::npos ? std::string_view() : request.target.substr(question + 1);
  std::string out;
  out.reserve(1024);
  out += request.method;
  out += '\n';
  out += canonical_path(request.target.substr(0, question), path_form(claims.service));
  out += '\n';
  out += canonical_query(query);
  out += '\n';
  for (auto names = claims.signed_headers; !names.empty();) {
    const auto name = take_name(names);
    out += name;
    char before = ':';
    for (const auto& header : request.headers) {
      if (!http::equal_ignoring_case(header.name, name)) continue;
      out += before;
      append_header_value(out, header.value);
      before = ',';
    }
    if (before == ':') out += ':';  // absent: as if it were empty
    out += '\n';
  }
  out += '\n';
  out += claims.signed_headers;
  out += '\n';
  out += payload;
  return out;
}

}  // namespace

std::string_view code_of(AuthFault fault, ErrorDialect dialect) {
  const bool json = dialect == ErrorDialect::kJson;
  switch (fault) {
    case AuthFault::kMissingToken: return json ? "MissingAuthenticationTokenException" : "MissingAuthenticationToken";
    case AuthFault::kIncompleteSignature: return json ? "IncompleteSignatureException" : "IncompleteSignature";
    case AuthFault::kUnknownKey: return json ? "UnrecognizedClientException" : "InvalidClientTokenId";
    case AuthFault::kInvalidSignature: return json ? "InvalidSignatureException" : "SignatureDoesNotMatch";
    case AuthFault::kExpiredToken: return json ? "ExpiredTokenException" : "ExpiredToken";
    case AuthFault::kAccessDenied: return json ? "AccessDeniedException" : "AccessDenied";
  }
  CHECK(false);
}

AuthFailure unknown_key() { return {AuthFault::kUnknownKey, "The security token included in the request is invalid."}; }

std::variant<Authorization, AuthFailure> parse_authorization(HeaderViews headers) {
  const auto header = find_header(headers, "Authorization");
  if (header.value.empty()) return AuthFailure{AuthFault::kMissingToken, "Request is missing Authentication Token"};
  if (header.count > 1) return incomplete("The request has {} Authorization headers, one is needed.", header.count);
  if (header.value.size() > kAuthorizationMax)
    return incomplete("The Authorization header is longer than {} bytes.", kAuthorizationMax);
  const auto algorithm = header.value.substr(0, header.value.find(' '));
  if (algorithm != kAlgorithm) return incomplete("Unsupported AWS 'algorithm': '{}'.", quoted(algorithm));

  Authorization out{};
  if (auto failure = read_parameters(http::trim(header.value.substr(algorithm.size())), out)) return std::move(*failure);
  if (auto failure = read_credential(out)) return std::move(*failure);

  const auto date = find_header(headers, "X-Amz-Date");
  if (date.count == 0) return incomplete("Authorization header requires existence of a 'X-Amz-Date' header.");
  const auto time = parse_amz_date(date.value);
  if (date.count > 1 || !time)
    return incomplete("Date must be in ISO-8601 'basic format', as 20260621T000000Z, once. Got '{}'.", quoted(date.value));
  out.amz_date = date.value;
  out.time = *time;
  const auto read_optional = [&](std::string_view name, std::optional<std::string_view>& to) -> std::optional<AuthFailure> {
    const auto found = find_header(headers, name);
    if (found.count > 1) return incomplete("The request has {} {} headers, one is the most.", found.count, name);
    if (found.count == 1) to = found.value;
    return std::nullopt;
  };
  if (auto failure = read_optional("X-Amz-Content-Sha256", out.content_sha256)) return std::move(*failure);
  if (auto failure = read_optional("X-Amz-Security-Token", out.security_token)) return std::move(*failure);
  return out;
}

std::optional<AuthFailure> check_claims(HeaderViews headers, const Authorization& claims, const VerifyRules& rules,
                                        WallTime now) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(rules.skew_max).count();
  const auto skew = std::chrono::duration_cast<WallTime::duration>(rules.skew_max);
  if (claims.time < now - skew)
    return invalid("Signature expired: {} is now earlier than {} ({} - {} min.)", claims.amz_date, amz_date(now - skew),
                   amz_date(now), minutes);
  if (claims.time > now + skew)
    return invalid("Signature not yet current: {} is still later than {} ({} + {} min.)", claims.amz_date, amz_date(now + skew),
                   amz_date(now), minutes);
  if (claims.date != claims.amz_date.substr(0, 8))
    return invalid(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from "
        "'{}'.",
        quoted(claims.date), claims.amz_date.substr(0, 8), claims.amz_date);
  if (rules.region && claims.region != *rules.region)
    return invalid("Credential should be scoped to a valid region, not '{}'. This is '{}'.", quoted(claims.region),
                   *rules.region);
  if (claims.service != rules.service) return invalid("Credential should be scoped to correct service: '{}'.", rules.service);
  if (claims.terminator != kTerminator)
    return invalid("Credential should be scoped with a valid terminator: '{}', not '{}'.", kTerminator,
                   quoted(claims.terminator));

  if (!is_signed(claims, "host") || find_header(headers, "host").count != 1)
    return invalid("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  for (const auto& header : headers) {
    if (must_be_signed(header.name) && !is_signed(claims, header.name))
      return invalid("'{}' must be a 'SignedHeader' in the AWS Authorization.", quoted(header.name));
  }
  return std::nullopt;
}

std::optional<AuthFailure> SignatureVerifier::verify(const RequestView& request, const Authorization& claims, const Sha256& body,
                                                     const Credentials& credentials, const VerifyRules& rules, WallTime now) {
  if (auto failure = check_claims(request.headers, claims, rules, now)) return failure;
  const std::string_view token = credentials.session_token ? std::string_view(credentials.session_token->reveal()) : "";
  if (!codec::constant_time_equal(as_bytes(claims.security_token.value_or("")), as_bytes(token))) return unknown_key();

  const auto computed = body.hex();
  const auto payload = claims.content_sha256.value_or(computed);
  if (payload == kUnsignedPayload && rules.unsigned_payload == UnsignedPayload::kRefused)
    return invalid("'x-amz-content-sha256' may not be {} here: sign the body.", kUnsignedPayload);
  if (payload != kUnsignedPayload && payload != computed)
    return invalid("The provided 'x-amz-content-sha256' header does not match what was computed.");

  const auto canonical = codec::sha256(as_bytes(canonical_request_of(request, claims, payload))).hex();
  const auto text = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, claims.amz_date, claims.scope, canonical);
  const auto known = find_key(claims, credentials);
  const SigningScope scope{std::string(claims.date), std::string(claims.region), std::string(claims.service)};
  const auto key = known ? *known : signing_key(credentials.secret_access_key, scope);
  if (!codec::constant_time_equal(as_bytes(signature(key, text)), as_bytes(claims.signature))) return invalid("{}", kMismatch);
  if (!known) remember(claims, credentials, key);
  return std::nullopt;
}

std::optional<Secret> SignatureVerifier::find_key(const Authorization& claims, const Credentials& credentials) {
  auto keys = keys_.lock();
  const auto entry = keys->find(claims.credential);
  if (entry == keys->end()) return std::nullopt;
  const auto& secret = credentials.secret_access_key.reveal();
  if (!codec::constant_time_equal(as_bytes(entry->second.from.reveal()), as_bytes(secret))) return std::nullopt;
  return entry->second.key;
}

// Only keys that proved good, so that a stranger who knows an access key id cannot fill the table.
void SignatureVerifier::remember(const Authorization& claims, const Credentials& credentials, const Secret& key) {
  auto keys = keys_.lock();
  if (keys->size() >= kSigningKeysMax) keys->clear();
  keys->insert_or_assign(std::string(claims.credential), DerivedKey{credentials.secret_access_key, key});
}

}  // namespace zeropull::aws
