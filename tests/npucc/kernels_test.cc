#include "tools/npucc/kernels.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vnpu::npucc {
namespace {

// The markers as the preprocessor leaves them.
std::string Marked(std::string text) {
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
      text.replace(at, from.size(), to);
    }
  };
  replace("__global__", "npucc_global_marker");
  replace("__aicore__", "npucc_core_marker(0, 0, 0)");
  return text;
}

std::vector<std::string> Names(const std::string& text) {
  const KernelScan scan = ScanKernels(Marked(text));
  EXPECT_TRUE(scan.errors.empty()) << scan.errors[0].text;
  std::vector<std::string> names;
  for (const KernelSource& kernel : scan.kernels) names.push_back(kernel.name);
  return names;
}

std::string ScanErrorOf(const std::string& text) {
  const KernelScan scan = ScanKernels(Marked(text));
  return scan.errors.empty() ? "" : scan.errors[0].text;
}

using List = std::vector<std::string>;

TEST(Kernels, AreFoundInAllNamespaces) {
  EXPECT_EQ(Names("__global__ __aicore__ void a() {}"
                  "extern \"C\" __global__ __aicore__ void b(int x) { if (x) {} }"
                  "extern \"C\" { __global__ __aicore__ void c() {} }"
                  "namespace n { inline namespace v1 { static __global__ __aicore__ void d() {} } }"
                  "namespace x::y { namespace { __aicore__ __global__ void e() {} } }"
                  "namespace [[deprecated(\"n\")]] q { void __global__ __aicore__ f() {} }"
                  "void __global__ __aicore__ n::g() {}"),
            (List{"a", "b", "c", "n::v1::d", "x::y::e", "q::f", "n::g"}));
}

TEST(Kernels, DeclarationsAreNone) {
  EXPECT_EQ(Names("extern \"C\" __global__ __aicore__ void a(int); __global__ __aicore__ void b();"
                  "__global__ __aicore__ void b() {}"),
            (List{"b"}));
}

TEST(Kernels, OtherCodeIsPassedOver) {
  EXPECT_EQ(Names("struct S { int x = {3}; void f() { while (1) {} } enum { A, B } e; } s{1};"
                  "enum class E : int { X }; template <class T> struct W { T t; };"
                  "template <class T> void f(T t) { [](int x) { return x; }(t); }"
                  "int a[] = {1, 2}; auto l = [] { return 1; }; class C final : S {};"
                  "union alignas(8) U { int i; }; struct __attribute__((packed)) P { char c; };"
                  "__aicore__ inline int helper() { return 0; }"
                  "__attribute__((noinline)) __global__ __aicore__ void k(S s = {}, int x = 3) {}"
                  "const char* text = \"__global__ {\"; struct S* g(struct S* p) { return p; }"
                  "__global__ __aicore__ void last() noexcept {}"),
            (List{"k", "last"}));
}

TEST(Kernels, HaveThePlaceThatTheLineMarkersSay) {
  const KernelScan scan = ScanKernels(
      Marked("# 1 \"a b.cpp\"\n\n\n__global__ __aicore__\nvoid k()\n{}\n# 20 \"h.h\" 1\n"
             "__global__ __aicore__ void h() {}\n"));
  ASSERT_EQ(scan.kernels.size(), 2U);
  EXPECT_EQ(scan.kernels[0].where.file, "a b.cpp");
  EXPECT_EQ(scan.kernels[0].where.line, 4U);
  EXPECT_EQ(scan.kernels[1].where.file, "h.h");
  EXPECT_EQ(scan.kernels[1].where.line, 20U);
}

TEST(Kernels, CarryTheirCoreType) {
  const KernelScan scan = ScanKernels(
      "npucc_global_marker npucc_core_marker(VNPU_UNIT_MIX, (1), (kTwo ? 2 : 1)) void k() {}");
  ASSERT_EQ(scan.kernels.size(), 1U);
  EXPECT_EQ(scan.kernels[0].core, "VNPU_UNIT_MIX , ( 1 ) , ( kTwo ? 2 : 1 ) ");
}

TEST(Kernels, CannotBeTemplates) {
  EXPECT_EQ(ScanErrorOf("template <typename T> __global__ __aicore__ void k(T t) {}"),
            "kernel 'k' is a template; write a plain kernel that calls a template function");
}

TEST(Kernels, CannotBeMembers) {
  EXPECT_EQ(ScanErrorOf("struct S { static __global__ __aicore__ void k() {} };"),
            "kernel 'k' is a member of a class; a kernel must be a function of a namespace");
  EXPECT_EQ(ScanErrorOf("void f() { __global__ void k(); }"),
            "a kernel must be a function of a namespace");
}

TEST(Kernels, CannotBeOverloaded) {
  EXPECT_EQ(
      ScanErrorOf("__global__ __aicore__ void k(int) {} __global__ __aicore__ void k(float) {}"),
      "there are two kernels of the name 'k'; kernels cannot be overloaded");
}

TEST(Kernels, NeedACore) {
  EXPECT_EQ(ScanErrorOf("__global__ void k() {}").substr(0, 28), "kernel 'k' needs a core type");
}

TEST(Kernels, AreFunctions) {
  EXPECT_EQ(ScanErrorOf("__global__ int x;"), "__global__ marks functions only");
}

}  // namespace
}  // namespace vnpu::npucc
