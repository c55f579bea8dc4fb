#include "tools/npucc/launches.h"

#include <gtest/gtest.h>

#include <string>

namespace vnpu::npucc {
namespace {

std::string Rewrite(const std::string& source) {
  const RewrittenSource result = RewriteLaunches(source, "f.cpp");
  EXPECT_TRUE(result.errors.empty()) << result.errors[0].text;
  return result.text;
}

// What stays the same says so.
void ExpectUntouched(const std::string& source) {
  const RewrittenSource result = RewriteLaunches(source, "f.cpp");
  EXPECT_TRUE(result.errors.empty()) << source;
  EXPECT_FALSE(result.has_launches) << source;
  EXPECT_EQ(result.text, source);
}

std::string RewriteErrorOf(const std::string& source) {
  const RewrittenSource result = RewriteLaunches(source, "f.cpp");
  if (result.errors.empty()) return "";
  const Location& where = result.errors[0].where;
  return where.file + ":" + std::to_string(where.line) + ":" + std::to_string(where.column) + ": " +
         result.errors[0].text;
}

TEST(Launches, KeepEveryTokenAtItsColumn) {
  EXPECT_EQ(Rewrite("  e = k<<<4, nullptr, s>>>(a, b); f();\n"),
            "  e = ::npu::Launch<\n#line 1\n      k>( 4, nullptr, s)  (a, b); f();\n");
}

TEST(Launches, KeepTabs) {
  EXPECT_EQ(Rewrite("\t\tk<<<1, nullptr, s>>>();"),
            "\t\t::npu::Launch<\n#line 1\n\t\tk>( 1, nullptr, s)  ();");
}

TEST(Launches, TakeQualifiedNamesWhole) {
  EXPECT_EQ(Rewrite("#define L a::b::k<<<1, 0, s>>>(x)\n"),
            "#define L ::npu::Launch<a::b::k>( 1, 0, s)  (x)\n");
  EXPECT_EQ(Rewrite("#define L return ::k<<<1, 0, s>>>(x)\n"),
            "#define L return ::npu::Launch<::k>( 1, 0, s)  (x)\n");
}

TEST(Launches, StayOnTheirLineInsideOfMacroArguments) {
  EXPECT_EQ(Rewrite("CHECK(k<<<1, nullptr, s>>>(x));"),
            "CHECK(::npu::Launch<k>( 1, nullptr, s)  (x));");
}

TEST(Launches, OfConditionsAreNoMacroArguments) {
  EXPECT_EQ(Rewrite("if (k<<<1, nullptr, s>>>(x)) {}"),
            "if (::npu::Launch<\n#line 1\n    k>( 1, nullptr, s)  (x)) {}");
}

TEST(Launches, StayOnTheirLineInGeneratedFiles) {
  EXPECT_EQ(Rewrite("#line 7 \"g.y\"\nk<<<1, nullptr, s>>>();"),
            "#line 7 \"g.y\"\n::npu::Launch<k>( 1, nullptr, s)  ();");
}

TEST(Launches, SpanLines) {
  EXPECT_EQ(Rewrite("#define X\nX k<<<\n 1, nullptr,\n s>>>(x);"),
            "#define X\nX ::npu::Launch<\n#line 2\n  k>( \n 1, nullptr,\n s)  (x);");
}

TEST(Launches, MayHoldExpressionsOfAllKinds) {
  EXPECT_EQ(Rewrite("F(k<<<(a >> 2) + n[x < 3], f<A<B<int>>>(1), g(h<<1)>>>(x));"),
            "F(::npu::Launch<k>( (a >> 2) + n[x < 3], f<A<B<int>>>(1), g(h<<1))  (x));");
  EXPECT_EQ(Rewrite("F(k<<<n < 4 ? 1 : 2, nullptr, s>>>(\">>>(\", '>'));"),
            "F(::npu::Launch<k>( n < 4 ? 1 : 2, nullptr, s)  (\">>>(\", '>'));");
}

TEST(Launches, SeveralOnALine) {
  EXPECT_EQ(Rewrite("F(a<<<1, 0, s>>>(), b<<<2, 0, s>>>());"),
            "F(::npu::Launch<a>( 1, 0, s)  (), ::npu::Launch<b>( 2, 0, s)  ());");
}

TEST(Launches, AreNotSeenElsewhere) {
  ExpectUntouched("// k<<<1, nullptr, s>>>(x)\n/* k<<<1>>>() */ const char* t = \"k<<<1>>>()\";");
  ExpectUntouched("auto t = R\"(k<<<1, nullptr, s>>>(x))\";");
  ExpectUntouched("std::vector<std::vector<std::vector<int>>> v(3); x = a << b >> c;");
  ExpectUntouched("friend std::ostream& operator<<<T>(std::ostream&, const S<T>&);");
  ExpectUntouched("x = 1'000'000 << 2;");
}

TEST(Launches, OfTemplatesAreErrors) {
  EXPECT_EQ(RewriteErrorOf("\n  k<int><<<1, nullptr, s>>>(x);"),
            "f.cpp:2:9: a kernel cannot be a template; launch a plain kernel that calls the "
            "template");
}

TEST(Launches, OfMembersAreErrors) {
  EXPECT_EQ(RewriteErrorOf("object.k<<<1, nullptr, s>>>(x);"),
            "f.cpp:1:8: a kernel is a function of a namespace, not a member of a class");
}

TEST(Launches, OfExpressionsAreErrors) {
  EXPECT_EQ(RewriteErrorOf("(*p)<<<1, nullptr, s>>>(x);"),
            "f.cpp:1:5: the name of a kernel must stand before <<<");
}

TEST(Launches, WithoutAnEndAreErrors) {
  EXPECT_EQ(RewriteErrorOf("k<<<1, nullptr, s;\n"),
            "f.cpp:1:2: this launch has no end; write kernel<<<blockDim, l2ctrl, "
            "stream>>>(arguments)");
  EXPECT_NE(RewriteErrorOf("k<<<1, nullptr, s>>>;"), "");
  EXPECT_NE(RewriteErrorOf("{ k<<<1 } k>>>(x)"), "");
}

}  // namespace
}  // namespace vnpu::npucc
