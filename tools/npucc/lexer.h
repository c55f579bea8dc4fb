// Splits C++ text into tokens: just enough to find launches and declarations in it.
#ifndef TOOLS_NPUCC_LEXER_H_
#define TOOLS_NPUCC_LEXER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace vnpu::npucc {

enum class TokenKind : std::uint8_t { kIdentifier, kNumber, kString, kChar, kPunctuator };

// One token. Punctuators are single characters, except "::" and "->". Comments and white space are
// skipped. `text` points into the lexed text.
struct Token {
  TokenKind kind = TokenKind::kPunctuator;
  bool in_directive = false;  // part of a preprocessor directive
  std::uint32_t line = 0;     // 1-based
  std::uint32_t column = 0;   // 1-based, in bytes
  std::size_t offset = 0;
  std::string_view text;

  bool Is(std::string_view other) const { return text == other; }
  bool IsIdentifier() const { return kind == TokenKind::kIdentifier; }
};

// Never fails: text that is no C++ gives tokens that make no sense.
std::vector<Token> Lex(std::string_view text);

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_LEXER_H_
