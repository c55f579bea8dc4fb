#include "tools/npucc/lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vnpu::npucc {
namespace {

std::vector<std::string> Texts(std::string_view text) {
  std::vector<std::string> texts;
  for (const Token& token : Lex(text)) texts.emplace_back(token.text);
  return texts;
}

using Words = std::vector<std::string>;

TEST(Lexer, SplitsPunctuatorsButScopeAndArrow) {
  EXPECT_EQ(Texts("a::b->c<<<d"), (Words{"a", "::", "b", "->", "c", "<", "<", "<", "d"}));
}

TEST(Lexer, SkipsComments) {
  EXPECT_EQ(Texts("a /* <<< */ b // >>> \\\n still a comment\nc"), (Words{"a", "b", "c"}));
  EXPECT_EQ(Texts("a /* never ends"), (Words{"a"}));
}

TEST(Lexer, KeepsLiteralsWhole) {
  EXPECT_EQ(Texts(R"(f("<<<\"", '"', u8"x", L'\''))"),
            (Words{"f", "(", R"("<<<\"")", ",", "'\"'", ",", "u8\"x\"", ",", R"(L'\'')", ")"}));
}

TEST(Lexer, KnowsRawStrings) {
  EXPECT_EQ(Texts("R\"x(a)\" b \")x\" c"), (Words{"R\"x(a)\" b \")x\"", "c"}));
  EXPECT_EQ(Texts("u8R\"(\n)\" c"), (Words{"u8R\"(\n)\"", "c"}));
  EXPECT_EQ(Texts("FOOR\"(\" c"), (Words{"FOOR", "\"(\"", "c"}));
}

TEST(Lexer, TakesDigitSeparatorsForNumbers) {
  EXPECT_EQ(Texts("1'000'000 + 0x1p-3 + 1e+5"), (Words{"1'000'000", "+", "0x1p-3", "+", "1e+5"}));
}

TEST(Lexer, MarksDirectivesAcrossContinuedLines) {
  const std::vector<Token> tokens = Lex("#define A \\\n b\nc # d");
  ASSERT_EQ(tokens.size(), 7U);
  EXPECT_TRUE(tokens[3].in_directive);
  EXPECT_FALSE(tokens[4].in_directive);
  EXPECT_FALSE(tokens[6].in_directive);
}

TEST(Lexer, CountsLinesAndColumns) {
  const std::vector<Token> tokens = Lex("a\n  b /*\n*/ c");
  EXPECT_EQ(tokens[1].line, 2U);
  EXPECT_EQ(tokens[1].column, 3U);
  EXPECT_EQ(tokens[2].line, 3U);
  EXPECT_EQ(tokens[2].column, 4U);
}

TEST(Lexer, SurvivesAnything) {
  for (const char* text : {"\"", "'", "R\"", "R\"(", "\\", "/", "#", "\"\\", "1'", "\xff\xfe"}) {
    Lex(text);
  }
}

}  // namespace
}  // namespace vnpu::npucc
