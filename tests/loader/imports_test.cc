#include "firmware/loader/imports.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>

#include "tests/loader/loaded_image.h"

namespace vnpu::firmware {
namespace {

TEST(Imports, EveryNameHasAnAddress) {
  const ImportTable table(testing::TestServices());
  for (const std::string_view name : ImportNames()) {
    EXPECT_TRUE(IsImport(name)) << name;
    EXPECT_NE(table.Find(name), 0U) << name;
  }
}

TEST(Imports, NamesAreSortedAndDistinct) {
  const auto names = ImportNames();
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

TEST(Imports, OtherFunctionsOfTheLibraryAreNone) {
  const ImportTable table(testing::TestServices());
  for (const std::string_view name :
       {"fopen", "malloc", "mmap", "system", "syscall", "printf", "dlopen", "exec", "", "EXP"}) {
    EXPECT_FALSE(IsImport(name)) << name;
    EXPECT_EQ(table.Find(name), 0U) << name;
  }
}

TEST(Imports, AreTheFunctionsTheyAreNamedAfter) {
  const ImportTable table(testing::TestServices());
  const auto pow_import = std::bit_cast<double (*)(double, double)>(table.Find("pow"));
  const auto tanh_import = std::bit_cast<float (*)(float)>(table.Find("tanhf"));
  const auto strlen_import = std::bit_cast<std::size_t (*)(const char*)>(table.Find("strlen"));
  EXPECT_DOUBLE_EQ(pow_import(2.0, 10.0), 1024.0);
  EXPECT_FLOAT_EQ(tanh_import(0.5F), std::tanh(0.5F));
  EXPECT_EQ(strlen_import("four"), 4U);
}

TEST(Imports, AServiceThatIsMissingHasNoAddress) {
  const ImportTable table({});
  EXPECT_EQ(table.Find("vnpu_this_block"), 0U);
  EXPECT_EQ(table.Find("vnpu_clock"), 0U);
  EXPECT_NE(table.Find("memcpy"), 0U);
}

}  // namespace
}  // namespace vnpu::firmware
