// What npucc says about kernels that cannot be, with the user's file and line.
#include <gtest/gtest.h>

#include "tests/npucc/runner.h"

namespace vnpu::npucc {
namespace {

using testing::Contains;
using Diagnostics = testing::NpuccTest;

TEST_F(Diagnostics, FunctionThatTheCoreLacks) {
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("#include <cstdio>\n"
                                           "__global__ __aicore__ void k(int* p) {\n"
                                           "  *p = fopen(\"a\", \"r\") != nullptr;\n}\n")),
                       "k.cpp:4: error: kernel code calls 'fopen', which the virtual core does not "
                       "have; available: memory and math functions (npucc --list-imports)"));
}

TEST_F(Diagnostics, FunctionThatIsDefinedElsewhere) {
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("namespace n { int helper(float); }\n"
                                           "__aicore__ inline int twice(float f) {\n"
                                           "  return 2 * n::helper(f);\n}\n"
                                           "__global__ __aicore__ void k(int* p) {\n"
                                           "  *p = twice(*p);\n}\n")),
                       "k.cpp:4: error: kernel code calls 'n::helper(float)'"));
}

TEST_F(Diagnostics, Exceptions) {
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("__global__ __aicore__ void k(int* p) {\n"
                                           "  if (*p) throw 3;\n}\n")),
                       "k.cpp:3: error: kernel code throws an exception"));
}

TEST_F(Diagnostics, VariableWithConstructor) {
  EXPECT_TRUE(
      Contains(DeviceErrors(Kernel("struct S { S(); int x; };\nint Make();\n"
                                   "int made = Make();\n"
                                   "__global__ __aicore__ void k(int* p) { *p = made; }")),
               "k.cpp:4: error: kernel code uses 'made', whose constructor runs on the host "
               "only"));
}

TEST_F(Diagnostics, VariableWithConstructorFromALibrary) {
  EXPECT_TRUE(
      Contains(DeviceErrors(Kernel("#include <vector>\n"
                                   "std::vector<int> list = {1, 2};\n"
                                   "__global__ __aicore__ void k(int* p) { *p = list[0]; }")),
               "k.cpp:3: error: kernel code uses 'list'"));
}

TEST_F(Diagnostics, StaticLocalWithConstructor) {
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("__global__ __aicore__ void k(int* p) {\n"
                                           "  static int first = *p;\n  *p = first;\n}\n")),
                       "k.cpp:3: error: a static local variable of kernel code needs a "
                       "constructor"));
}

TEST_F(Diagnostics, ThreadLocal) {
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("thread_local int mine;\n"
                                           "__global__ __aicore__ void k(int* p) {\n"
                                           "  *p = mine;\n}\n")),
                       "k.cpp:4: error: kernel code uses the thread_local variable 'mine'"));
}

TEST_F(Diagnostics, Heap) {
  const std::string errors =
      DeviceErrors(Kernel("__global__ __aicore__ void k(int** p, int n) {\n"
                          "  *p = new int[n];\n}\n"));
  EXPECT_TRUE(Contains(errors, "k.cpp:3: error: kernel code allocates memory with new"));
}

TEST_F(Diagnostics, ResultThatIsNotVoid) {
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("\n\n__global__ __aicore__ int k() { return 0; }\n")),
                       "k.cpp:4:"));
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("__global__ __aicore__ int k() { return 0; }\n")),
                       "a kernel returns void"));
}

TEST_F(Diagnostics, ParameterThatCannotBeCopied) {
  const std::string errors =
      DeviceErrors(Kernel("struct S { ~S(); };\n__global__ __aicore__ void k(int a,\n S s) {}\n"));
  EXPECT_TRUE(Contains(errors, "k.cpp:3:"));
  EXPECT_TRUE(Contains(errors, "must be trivially copyable"));
  EXPECT_TRUE(
      Contains(DeviceErrors(Kernel("__global__ __aicore__ void k(int& r) {}\n")), "no references"));
}

TEST_F(Diagnostics, TooManyArguments) {
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("struct S { char c[32769]; };\n"
                                           "__global__ __aicore__ void k(S s) {}\n")),
                       "take 32 KiB at most"));
  EXPECT_EQ(DeviceErrors(Kernel("struct S { char c[32768]; };\n"
                                "__global__ __aicore__ void k(S s) {}\n")),
            "");
}

TEST_F(Diagnostics, OverloadedAndTemplateKernels) {
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("__global__ __aicore__ void k(int) {}\n"
                                           "__global__ __aicore__ void k(char) {}\n")),
                       "k.cpp:3: error: there are two kernels of the name 'k'"));
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("template <typename T>\n"
                                           "__global__ __aicore__ void k(T) {}\n")),
                       "k.cpp:3: error: kernel 'k' is a template"));
}

TEST_F(Diagnostics, KernelFromAMacroIsFound) {
  EXPECT_EQ(
      DeviceErrors(Kernel("#define KERNEL(name) extern \"C\" __global__ __aicore__ void name\n"
                          "KERNEL(one)(int* p) { *p = 1; }\nKERNEL(two)(int* p) { *p = 2; }\n")),
      "");
  const CommandResult entries = Npucc({"--entries", Path("k.npu")});
  EXPECT_TRUE(Contains(entries.out, "kernel one\n"));
  EXPECT_TRUE(Contains(entries.out, "kernel two\n"));
}

TEST_F(Diagnostics, SourceWithoutKernels) {
  EXPECT_TRUE(Contains(DeviceErrors("int x;\n"), "no kernel in it"));
}

TEST_F(Diagnostics, OrdinaryErrorsKeepTheirPlace) {
  EXPECT_TRUE(Contains(DeviceErrors(Kernel("__global__ __aicore__ void k(int* p) {\n"
                                           "  *p = undeclared;\n}\n")),
                       "k.cpp:3:8: error: "));
}

TEST_F(Diagnostics, WarningsComeOnce) {
  const std::string path = Write("w.cpp", Kernel("__global__ __aicore__ void k(int* p) {\n"
                                                 "  int unused;\n  *p = 1;\n}\n"));
  const CommandResult result = Npucc({"-c", "-Wall", path, "-o", Path("w.o")});
  EXPECT_EQ(result.status, 0) << result.err;
  const std::size_t first = result.err.find("unused variable");
  ASSERT_NE(first, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("warning: ", first), std::string::npos) << result.err;
}

TEST_F(Diagnostics, ArgumentsOfALaunchAreChecked) {
  const std::string path =
      Write("h.cpp", Kernel("__global__ __aicore__ void k(int* p, float f) {}\n"
                            "int f(void* s) {\n"
                            "  return k<<<1, nullptr, s>>>(\"text\", 1);\n}\n"));
  const CommandResult result = Npucc({"-c", path, "-o", Path("h.o")});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(Contains(result.err, "h.cpp:4:"));
}

TEST_F(Diagnostics, ColumnsSurviveALaunch) {
  const std::string path = Write("h.cpp", Kernel("__global__ __aicore__ void k(int* p) {}\n"
                                                 "int f(void* s, int* p) {\n"
                                                 "  return k<<<1, nullptr, s>>>(missing);\n}\n"));
  const CommandResult result = Npucc({"-c", path, "-o", Path("h.o")});
  EXPECT_TRUE(Contains(result.err, "h.cpp:4:31: error: "));
}

TEST_F(Diagnostics, CallingAKernelIsAnError) {
  const std::string path =
      Write("h.cpp", Kernel("__global__ __aicore__ void k(int* p) { *p = 1; }\n"
                            "void f(int* p) {\n  k(p);\n}\n"));
  const CommandResult result = Npucc({"-c", path, "-o", Path("h.o")});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(Contains(result.err, "h.cpp:4:"));
  EXPECT_TRUE(Contains(result.err, "a kernel is launched"));
}

}  // namespace
}  // namespace vnpu::npucc
