// What kernels print appears on standard output when the host synchronises.
#include <algorithm>
#include <sstream>
#include <string>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class PrintfTest : public KernelTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&stream_));
    ASSERT_OK(aclrtBinaryLoadFromFile(VNPU_TEST_PRINT_KERNELS, nullptr, &binary_));
  }

  // Standard output while the stream is synchronised.
  std::string Printed(aclError expected = ACL_SUCCESS) {
    testing::internal::CaptureStdout();
    EXPECT_EQ(aclrtSynchronizeStream(stream_), expected);
    return testing::internal::GetCapturedStdout();
  }
};

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
  }
  return lines;
}

TEST_F(PrintfTest, ConversionsAreThoseOfPrintf) {
  ASSERT_OK(Launch("say_all", 1, uint64_t{0x1234}, stream_));
  EXPECT_EQ(Printed(), "-5 7 text 1.50 x 0x1234 %\n");
}

TEST_F(PrintfTest, NothingAppearsTwice) {
  ASSERT_OK(Launch("say_vector", 1, stream_));
  EXPECT_EQ(Printed(), "vector\n");
  EXPECT_EQ(Printed(), "");
}

TEST_F(PrintfTest, AllKindsOfCoresPrint) {
  ASSERT_OK(Launch("say_vector", 1, stream_));
  ASSERT_OK(Launch("say_cpu", 1, stream_));
  EXPECT_EQ(Printed(), "vector\ncpu\n");
}

TEST_F(PrintfTest, LinesOfBlocksAreWholeAndInOrder) {
  constexpr uint32_t kBlocks = 6;
  constexpr uint32_t kLines = 8;
  ASSERT_OK(Launch("say_in_pieces", kBlocks, kLines, stream_));
  const std::vector<std::string> lines = Lines(Printed());
  ASSERT_EQ(lines.size(), kBlocks * kLines);
  for (uint32_t block = 0; block < kBlocks; ++block) {
    auto at = lines.begin();
    for (uint32_t line = 0; line < kLines; ++line) {
      std::ostringstream expected;
      expected << "block " << block << " 0 1 2 3 line " << line;
      at = std::find(at, lines.end(), expected.str());
      ASSERT_NE(at, lines.end()) << expected.str();
    }
  }
}

TEST_F(PrintfTest, ALineWithoutItsEndAppearsToo) {
  ASSERT_OK(Launch("say_without_end", 1, stream_));
  EXPECT_EQ(Printed(), "no end");
}

TEST_F(PrintfTest, TextThatHasNoRoomIsReported) {
  ASSERT_OK(Launch("say_much", 1, uint32_t{5000}, stream_));
  const std::vector<std::string> lines = Lines(Printed());
  ASSERT_GT(lines.size(), 2u);
  ASSERT_LT(lines.size(), 5000u);
  for (size_t i = 0; i + 1 < lines.size(); ++i) {
    ASSERT_EQ(lines[i], "line " + std::to_string(i) + " of many, made longer by this text");
  }
  const std::string lost = std::to_string(5000 - (lines.size() - 1));
  EXPECT_NE(lines.back().find(lost + " calls of printf on AI core"), std::string::npos)
      << lines.back();
  // There is room again.
  ASSERT_OK(Launch("say_without_end", 1, stream_));
  EXPECT_EQ(Printed(), "no end");
}

TEST_F(PrintfTest, RingsAreUsedAgainAndAgain) {
  for (int round = 0; round < 50; ++round) {
    ASSERT_OK(Launch("say_much", 1, uint32_t{100}, stream_));
    ASSERT_EQ(Lines(Printed()).size(), 100u) << round;
  }
}

TEST_F(PrintfTest, TheTextOfAKernelThatFailsIsThere) {
  ASSERT_OK(Launch("say_and_fail", 1, stream_));
  EXPECT_EQ(Printed(ACL_ERROR_RT_AICORE_EXCEPTION), "last words\n");
}

TEST_F(PrintfTest, ABadFormatIsTheKernelsFault) {
  ASSERT_OK(Launch("say_bad_format", 1, stream_));
  EXPECT_EQ(Printed(ACL_ERROR_RT_AICORE_EXCEPTION), "");
  ASSERT_OK(Launch("say_cpu", 1, stream_));
  EXPECT_EQ(Printed(), "cpu\n");
}

TEST_F(PrintfTest, SynchronisingTheDevicePrintsAsWell) {
  ASSERT_OK(Launch("say_cpu", 1, stream_));
  testing::internal::CaptureStdout();
  EXPECT_OK(aclrtSynchronizeDevice());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "cpu\n");
}

TEST_F(PrintfTest, WhatIsLeftAppearsAtTheEnd) {
  ASSERT_OK(Launch("say_cpu", 1, stream_));
  testing::internal::CaptureStdout();
  EXPECT_OK(aclrtResetDevice(0));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "cpu\n");
}

}  // namespace
}  // namespace vnpu::test
