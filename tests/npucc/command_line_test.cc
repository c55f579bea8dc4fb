#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/npucc/runner.h"

namespace vnpu::npucc {
namespace {

using testing::Contains;
using CommandLine = testing::NpuccTest;

const char* const kKernel = "__global__ __aicore__ void k(int* p) { *p = VALUE; }\n";

TEST_F(CommandLine, HelpAndVersion) {
  const CommandResult help = Npucc({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_TRUE(Contains(help.out, "--device"));
  EXPECT_EQ(Npucc({"--version"}).status, 0);
}

TEST_F(CommandLine, ListsImports) {
  const CommandResult list = Npucc({"--list-imports"});
  EXPECT_EQ(list.status, 0);
  EXPECT_TRUE(Contains(list.out, "\nmemcpy\n"));
  EXPECT_TRUE(Contains(list.out, "\nexpf\n"));
}

TEST_F(CommandLine, PassesOptionsToTheCompiler) {
  const std::string source = Write("k.cpp", Kernel("#include \"extra.h\"\n") + kKernel);
  std::filesystem::create_directory(Path("headers"));
  Write("headers/extra.h", "static_assert(__cplusplus >= 202002L);\n");
  const CommandResult result = Npucc({"--device", source, "-o", Path("k.npu"), "-DVALUE=3", "-I",
                                      Path("headers"), "-std=c++20", "-O1", "-g", "-Wall"});
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(CommandLine, LooksForHeadersBesideTheSource) {
  const std::string source = Write("k.cpp", Kernel("#include \"beside.h\"\n") + kKernel);
  Write("beside.h", "#define VALUE 4\n");
  EXPECT_EQ(Npucc({"--device", source, "-o", Path("k.npu")}).status, 0);
}

TEST_F(CommandLine, SanitizersReachHostCodeAlone) {
  const std::string source = Write("k.cpp", Kernel(kKernel));
  const CommandResult result = Npucc({"-c", source, "-o", Path("k.o"), "-DVALUE=3",
                                      "-fsanitize=address,undefined", "--coverage", "-O0"});
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(CommandLine, FastMathCallsNoVectorLibrary) {
  const std::string source =
      Write("k.cpp", Kernel("__global__ __aicore__ void k(float* p, int n) {\n"
                            "  for (int i = 0; i < n; ++i) p[i] = std::exp(p[i]);\n}\n"));
  const CommandResult result =
      Npucc({"--device", source, "-o", Path("k.npu"), "-O3", "-ffast-math"});
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(CommandLine, WorksWithClang) {
  const std::string source = Write("k.cpp", Kernel(kKernel));
  const CommandResult found = RunCommand({"clang++", "--version"});
  if (found.status != 0) GTEST_SKIP() << "no clang++";
  const CommandResult result = Npucc(
      {"--compiler", "clang++", "-c", source, "-o", Path("k.o"), "-DVALUE=3", "-Wall", "-Werror"});
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(CommandLine, WritesDependencies) {
  const std::string source = Write("k.cpp", Kernel("#include \"one.h\"\n") + kKernel);
  Write("one.h", "#ifdef __NPU_DEVICE__\n#include \"device.h\"\n#endif\n#define VALUE 1\n");
  Write("device.h", "");
  const CommandResult result = Npucc(
      {"-c", source, "-o", Path("k.o"), "-MMD", "-MP", "-MF", Path("deps"), "-MT", "the_target"});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::string rule = ReadFile(Path("deps"));
  EXPECT_EQ(rule.rfind("the_target: \\\n " + source, 0), 0U) << rule;
  EXPECT_TRUE(Contains(rule, Path("one.h")));
  EXPECT_TRUE(Contains(rule, Path("device.h")));
  EXPECT_TRUE(Contains(rule, "kernel_operator.h"));
  EXPECT_TRUE(Contains(rule, "\n" + Path("one.h") + ":\n"));
  EXPECT_EQ(rule.find("/npucc-"), rule.find(source) + source.find("/npucc-")) << rule;
  EXPECT_EQ(rule.find(".device.cpp"), std::string::npos) << rule;
}

TEST_F(CommandLine, KeepsIntermediateFilesWhenAsked) {
  const std::string source = Write("k.cpp", Kernel(kKernel));
  EXPECT_EQ(Npucc({"-c", source, "-o", Path("k.o"), "-DVALUE=1", "--keep", Path("kept")}).status,
            0);
  EXPECT_TRUE(std::filesystem::exists(Path("kept/k.npu")));
  EXPECT_TRUE(std::filesystem::exists(Path("kept/k.host.cpp")));
}

TEST_F(CommandLine, ShowsCommandsWhenAsked) {
  const std::string source = Write("k.cpp", Kernel(kKernel));
  const CommandResult result = Npucc({"-v", "--device", source, "-o", Path("k.npu"), "-DVALUE=1"});
  EXPECT_TRUE(Contains(result.err, "-shared -nostdlib"));
}

TEST_F(CommandLine, ImagesAreReproducible) {
  const std::string source = Write("k.cpp", Kernel(kKernel));
  ASSERT_EQ(Npucc({"--device", source, "-o", Path("a.npu"), "-DVALUE=1", "-g"}).status, 0);
  ASSERT_EQ(Npucc({"--device", source, "-o", Path("b.npu"), "-DVALUE=1", "-g"}).status, 0);
  EXPECT_EQ(ReadFile(Path("a.npu")), ReadFile(Path("b.npu")));
}

TEST_F(CommandLine, NamesMistakes) {
  EXPECT_TRUE(Contains(Npucc({}).err, "npucc: error: no input"));
  EXPECT_TRUE(Contains(Npucc({"-c", "none.cpp"}).err, "none.cpp: No such file"));
  EXPECT_TRUE(Contains(Npucc({"-E", "x.cpp"}).err, "-E is not supported"));
  EXPECT_TRUE(Contains(Npucc({"-c", "-std=c++14", "x.cpp"}).err, "need C++17"));
  EXPECT_TRUE(Contains(Npucc({"--compiler", "no-such-cc", "--device", Write("k.cpp", "")}).err,
                       "cannot run 'no-such-cc'"));
  EXPECT_TRUE(Contains(Npucc({"--entries", Write("t.npu", "text")}).err, "no ELF file"));
  EXPECT_TRUE(Contains(Npucc({"-o"}).err, "a value is missing after -o"));
  EXPECT_EQ(Npucc({"--entries", "none.npu"}).status, 1);
}

}  // namespace
}  // namespace vnpu::npucc
