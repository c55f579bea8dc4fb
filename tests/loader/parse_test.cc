#include <gtest/gtest.h>

#include <string>

#include "tests/loader/image_editor.h"
#include "tests/loader/loaded_image.h"

namespace vnpu::firmware {
namespace {

using testing::ImageEditor;
using ::testing::Test;

std::string ParseError(const std::string& bytes) {
  const auto plan = Parse(std::as_bytes(std::span(bytes)));
  return plan ? "" : plan.error();
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Parse, PlansTheSegmentsOfAnImage) {
  const ImageEditor editor;
  const auto plan = Parse(editor.image());
  ASSERT_TRUE(plan) << plan.error();
  EXPECT_EQ(plan->span % VNPU_PAGE_SIZE, 0U);
  std::uint64_t end = 0;
  bool code = false;
  bool variables = false;
  for (const Segment& segment : plan->Segments()) {
    EXPECT_EQ(segment.vaddr % VNPU_PAGE_SIZE, 0U);
    EXPECT_EQ(segment.bytes % VNPU_PAGE_SIZE, 0U);
    EXPECT_GE(segment.vaddr, end);
    EXPECT_NE(segment.prot & (kProtWrite | kProtExec), kProtWrite | kProtExec);
    EXPECT_NE(segment.prot & kProtRead, 0U);
    code = code || (segment.prot & kProtExec) != 0;
    variables = variables || (segment.prot & kProtWrite) != 0;
    end = segment.vaddr + segment.bytes;
  }
  EXPECT_EQ(end, plan->span);
  EXPECT_TRUE(code);
  EXPECT_TRUE(variables);
}

TEST(Parse, SaysWhatAFileIsInstead) {
  EXPECT_TRUE(Has(ParseError(""), "not a device image: it is empty"));
  EXPECT_TRUE(Has(ParseError("#!/bin/sh\n"), "no ELF file"));
  EXPECT_TRUE(Has(ParseError(std::string("\177ELF", 4)), "no ELF file"));
  EXPECT_TRUE(Has(ParseError(std::string(100, '\0')), "no ELF file"));
}

TEST(Parse, RefusesTheTestProgramItself) {
  const std::string self = testing::ReadImageFile("/proc/self/exe");
  EXPECT_TRUE(Has(ParseError(self), "not a device image: ")) << ParseError(self);
}

TEST(Parse, RefusesOtherKindsOfElf) {
  ImageEditor editor;
  editor.header().e_machine = EM_AARCH64;
  EXPECT_TRUE(Has(ParseError(editor.bytes), "another machine (number 183)"));
  editor = ImageEditor();
  editor.header().e_ident[EI_CLASS] = ELFCLASS32;
  EXPECT_TRUE(Has(ParseError(editor.bytes), "another machine"));
  editor = ImageEditor();
  editor.header().e_type = ET_REL;
  EXPECT_TRUE(Has(ParseError(editor.bytes), "not a shared object"));
}

TEST(Parse, NeedsTheNote) {
  ImageEditor editor;
  editor.program_header(PT_NOTE).p_type = PT_NULL;
  EXPECT_TRUE(Has(ParseError(editor.bytes), "without a VNPU note"));
}

TEST(Parse, NamesBothVersionsOfAnImageThatIsTooNew) {
  ImageEditor editor;
  editor.note().version = 9;
  EXPECT_TRUE(Has(ParseError(editor.bytes), "image version 9, this device takes 1"));
}

TEST(Parse, EveryTruncationIsAnErrorOrLosesNothingThatIsLoaded) {
  const ImageEditor whole;
  const auto plan = Parse(whole.image());
  ASSERT_TRUE(plan);
  std::uint64_t needed = 0;
  for (const Segment& segment : plan->Segments()) {
    needed = std::max(needed, segment.file_offset + segment.file_bytes);
  }
  for (std::size_t size = 0; size < whole.bytes.size(); size += 7) {
    EXPECT_EQ(ParseError(whole.bytes.substr(0, size)).empty(), size >= needed) << size;
  }
}

}  // namespace
}  // namespace vnpu::firmware
