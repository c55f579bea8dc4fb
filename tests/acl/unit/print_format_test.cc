// The text of records that kernels print.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "libruntime/src/kernel/print.h"

namespace vnpu::runtime {
namespace {

size_t Padded(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

// Builds a record as the device does.
class Record {
 public:
  explicit Record(const std::string& format) : format_(format) {}

  Record& Signed(int64_t value, uint32_t size = 4) {
    values_.push_back({VNPU_PRINT_SIGNED, size, static_cast<uint64_t>(value)});
    return *this;
  }
  Record& Unsigned(uint64_t value, uint32_t size = 8) {
    values_.push_back({VNPU_PRINT_UNSIGNED, size, value});
    return *this;
  }
  Record& Real(double value) {
    values_.push_back({VNPU_PRINT_REAL, 8, std::bit_cast<uint64_t>(value)});
    return *this;
  }
  Record& String(const std::string& text) {
    values_.push_back({VNPU_PRINT_STRING, static_cast<uint32_t>(text.size() + 1), 0});
    texts_.append(text);
    texts_.append(Padded(text.size() + 1) - text.size(), '\0');
    return *this;
  }

  std::vector<std::byte> Bytes() const {
    vnpu_print_record head{};
    head.format_bytes = static_cast<uint32_t>(format_.size() + 1);
    head.args = static_cast<uint32_t>(values_.size());
    std::string all(reinterpret_cast<const char*>(&head), sizeof(head));
    all += format_;
    all.append(Padded(format_.size() + 1) - format_.size(), '\0');
    all.append(reinterpret_cast<const char*>(values_.data()),
               values_.size() * sizeof(vnpu_print_value));
    all += texts_;
    std::vector<std::byte> bytes(all.size());
    std::memcpy(bytes.data(), all.data(), all.size());
    return bytes;
  }
  std::string Text() const {
    const std::vector<std::byte> bytes = Bytes();
    return PrintedText(bytes.data(), bytes.size());
  }

 private:
  std::string format_;
  std::vector<vnpu_print_value> values_;
  std::string texts_;
};

TEST(PrintFormat, Integers) {
  EXPECT_EQ(
      Record("%d|%5d|%-5d|%05d|%+d").Signed(-1).Signed(2).Signed(3).Signed(4).Signed(5).Text(),
      "-1|    2|3    |00004|+5");
  EXPECT_EQ(Record("%lld %ld %hhd").Signed(-1, 8).Signed(7, 8).Signed(-3, 1).Text(), "-1 7 -3");
  EXPECT_EQ(
      Record("%llu %x %X %#o").Unsigned(UINT64_MAX).Unsigned(255).Unsigned(255).Unsigned(8).Text(),
      "18446744073709551615 ff FF 010");
  EXPECT_EQ(Record("%u %x").Signed(-1).Signed(-1, 2).Text(), "4294967295 ffff");
  EXPECT_EQ(Record("%c%c").Signed('o').Signed('k').Text(), "ok");
}

TEST(PrintFormat, RealsTextsAndAddresses) {
  EXPECT_EQ(Record("%f %.1f %e %g").Real(0.5).Real(2.25).Real(1e10).Real(0.1).Text(),
            "0.500000 2.2 1.000000e+10 0.1");
  EXPECT_EQ(
      Record("%s|%6s|%-6s|%.2s").String("one").String("two").String("3").String("four").Text(),
      "one|   two|3     |fo");
  EXPECT_EQ(Record("%p").Unsigned(0xabc).Text(), "0xabc");
}

TEST(PrintFormat, WidthAndPrecisionMayBeArguments) {
  EXPECT_EQ(Record("%*d|%.*f").Signed(4).Signed(7).Signed(1).Real(2.25).Text(), "   7|2.2");
}

TEST(PrintFormat, KindsThatDoNotFitAreConverted) {
  EXPECT_EQ(Record("%d %f").Real(3.9).Signed(-2).Text(), "3 -2.000000");
  EXPECT_EQ(Record("%s").Signed(1).Text(), "(not a text)");
}

TEST(PrintFormat, WhatIsNoConversionStaysAsItIs) {
  EXPECT_EQ(Record("100%% %n %y %").Signed(1).Text(), "100% %n %y %");
  EXPECT_EQ(Record("%d %d").Signed(1).Text(), "1 %d");
  EXPECT_EQ(Record("plain").Signed(1).Text(), "plain");
  EXPECT_EQ(Record("").Text(), "");
}

TEST(PrintFormat, LongResultsAreWhole) {
  EXPECT_EQ(Record("%s").String(std::string(4000, 'x')).Text(), std::string(4000, 'x'));
  EXPECT_EQ(Record("%99999999d").Signed(1).Text().size(), 4096u);
}

TEST(PrintFormat, DamagedRecordsHaveNoText) {
  std::vector<std::byte> bytes = Record("%s").String("text").Bytes();
  for (size_t size = sizeof(vnpu_print_record); size < bytes.size(); size += 8) {
    PrintedText(bytes.data(), size);  // stays within
  }
  auto* head = reinterpret_cast<vnpu_print_record*>(bytes.data());
  head->args = 1000;
  EXPECT_EQ(PrintedText(bytes.data(), bytes.size()), "");
  head->args = 1;
  head->format_bytes = UINT32_MAX;
  EXPECT_EQ(PrintedText(bytes.data(), bytes.size()), "");
}

}  // namespace
}  // namespace vnpu::runtime
