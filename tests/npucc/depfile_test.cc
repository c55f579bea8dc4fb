#include "tools/npucc/depfile.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vnpu::npucc {
namespace {

TEST(Depfile, ReadsPrerequisites) {
  EXPECT_EQ(Prerequisites("a.o b.o: k.cpp \\\n  /x/one.h two\\ words.h\\\n three.h\n\none.h:\n"),
            (std::vector<std::string>{"k.cpp", "/x/one.h", "two\\ words.h", "three.h"}));
}

TEST(Depfile, MergesRulesWithoutIntermediateFiles) {
  DependencyOptions options;
  const std::vector<std::string> rules = {"x.o: /tmp/w/k.device.cpp a.h b.h\n",
                                          "y.o: /tmp/w/k.host.cpp b.h c.h /tmp/w/k.npu\n"};
  EXPECT_EQ(MergeRules(options, rules, "my k.cpp", "out dir/k.o", "/tmp/w"),
            "out\\ dir/k.o: \\\n my\\ k.cpp \\\n a.h \\\n b.h \\\n c.h\n");
}

TEST(Depfile, HonoursTargetsAndPhonyRules) {
  DependencyOptions options;
  options.targets = {"one", "two"};
  options.phony = true;
  EXPECT_EQ(MergeRules(options, {"x: a.h\n"}, "k.cpp", "k.o", "/tmp/w"),
            "one two: \\\n k.cpp \\\n a.h\n\na.h:\n");
}

TEST(Depfile, LiesBesideTheOutput) {
  DependencyOptions options;
  EXPECT_EQ(DependencyFile(options, "dir/k.o"), "dir/k.d");
  options.file = "else.d";
  EXPECT_EQ(DependencyFile(options, "dir/k.o"), "else.d");
}

}  // namespace
}  // namespace vnpu::npucc
