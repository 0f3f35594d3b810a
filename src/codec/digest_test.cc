#include "codec/digest.h"

#include <gtest/gtest.h>

#include "codec/base64.h"

namespace zeropull::codec {
namespace {

TEST(Sha256Hasher, gives_the_published_digests_and_starts_again) {
  Sha256Hasher hasher;
  EXPECT_EQ(hasher.finish().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hasher.update(as_bytes("a"));
  hasher.update({});
  hasher.update(as_bytes("bc"));
  EXPECT_EQ(hasher.finish().hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(as_bytes("abc")).hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Md5Hasher, gives_the_published_digests_and_starts_again) {  // RFC 1321, A.5
  Md5Hasher hasher;
  EXPECT_EQ(to_hex(hasher.finish()), "d41d8cd98f00b204e9800998ecf8427e");
  hasher.update(as_bytes("a"));
  hasher.update(as_bytes("bc"));
  EXPECT_EQ(to_hex(hasher.finish()), "900150983cd24fb0d6963f7d28e17f72");
}

TEST(Hmac, gives_the_published_macs) {
  // RFC 4231, test cases 2 and 6.
  EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), {as_bytes("what do ya want "), as_bytes("for nothing?")}).hex(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const Bytes long_key(131, std::byte{0xaa});
  EXPECT_EQ(hmac_sha256(long_key, {as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")}).hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hmac_sha256({}, {}).hex(), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(ConstantTimeEqual, compares_length_and_bytes) {
  EXPECT_TRUE(constant_time_equal(as_bytes("same"), as_bytes("same")));
  EXPECT_TRUE(constant_time_equal({}, {}));
  EXPECT_FALSE(constant_time_equal(as_bytes("same"), as_bytes("samf")));
  EXPECT_FALSE(constant_time_equal(as_bytes("same"), as_bytes("sam")));
}

TEST(Base64, encodes_and_decodes_the_published_texts) {
  // RFC 4648, section 10.
  const std::pair<std::string_view, std::string_view> texts[] = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : texts) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), encoded);
    const auto decoded = base64_decode(encoded);
    ASSERT_TRUE(decoded) << encoded;
    EXPECT_EQ(as_text(*decoded), plain);
  }
  const std::string bits("\xfb\xff\xfe", 3);
  EXPECT_EQ(base64_encode(as_bytes(bits)), "+//+");
  EXPECT_EQ(base64_encode(as_bytes(bits), Base64Alphabet::kUrl), "-__-");
  EXPECT_EQ(base64_encode(as_bytes("f"), Base64Alphabet::kUrl), "Zg");
  EXPECT_EQ(as_text(base64_decode("-__-", Base64Alphabet::kUrl).value()), bits);
  EXPECT_EQ(as_text(base64_decode("Zg").value()), "f");
}

TEST(Base64, refuses_everything_else) {
  for (const char* text : {"Z", "Zg=", "Zg===", "=", "====", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "Zm-v", "Z=g="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
  EXPECT_FALSE(base64_decode("+//+", Base64Alphabet::kUrl));
}

}  // namespace
}  // namespace zeropull::codec
