#include "tools/npucc/lexer.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace vnpu::npucc {
namespace {

bool IsWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) { return IsWordStart(c) || IsDigit(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> Run() {
    while (SkipBlank()) Next();
    return std::move(tokens_);
  }

 private:
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void Advance(std::size_t count) {
    for (std::size_t end = std::min(at_ + count, text_.size()); at_ < end; ++at_) {
      if (text_[at_] == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      }
    }
  }

  // Length of a backslash and the end of line after it, or 0.
  std::size_t Splice() const {
    if (Peek() != '\\') return 0;
    if (Peek(1) == '\n') return 2;
    return Peek(1) == '\r' && Peek(2) == '\n' ? 3 : 0;
  }

  // Skips white space and comments; false at the end of the text.
  bool SkipBlank() {
    while (at_ < text_.size()) {
      const char c = Peek();
      if (const std::size_t splice = Splice(); splice != 0) {
        Advance(splice);
      } else if (c == '\n') {
        in_directive_ = false;
        fresh_line_ = true;
        Advance(1);
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
        Advance(1);
      } else if (c == '/' && Peek(1) == '/') {
        SkipLineComment();
      } else if (c == '/' && Peek(1) == '*') {
        const std::size_t end = text_.find("*/", at_ + 2);
        Advance(end == std::string_view::npos ? text_.size() : end + 2 - at_);
      } else {
        return true;
      }
    }
    return false;
  }

  void SkipLineComment() {
    while (at_ < text_.size() && Peek() != '\n') Advance(std::max<std::size_t>(Splice(), 1));
  }

  void Next() {
    const char c = Peek();
    if (fresh_line_ && c == '#') in_directive_ = true;
    fresh_line_ = false;
    if (IsWordStart(c)) {
      std::size_t length = 1;
      while (IsWord(Peek(length))) ++length;
      const std::string_view word = text_.substr(at_, length);
      if (Peek(length) == '"' && IsRawPrefix(word)) return Raw(length);
      if (Peek(length) == '"' && IsPrefix(word)) return Quoted(length, TokenKind::kString);
      if (Peek(length) == '\'' && IsPrefix(word)) return Quoted(length, TokenKind::kChar);
      return Push(TokenKind::kIdentifier, length);
    }
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Push(TokenKind::kNumber, Number());
    if (c == '"') return Quoted(0, TokenKind::kString);
    if (c == '\'') return Quoted(0, TokenKind::kChar);
    const bool pair = (c == ':' && Peek(1) == ':') || (c == '-' && Peek(1) == '>');
    Push(TokenKind::kPunctuator, pair ? 2 : 1);
  }

  static bool IsPrefix(std::string_view word) {
    constexpr std::array<std::string_view, 4> kPrefixes = {"L", "u", "U", "u8"};
    return std::ranges::find(kPrefixes, word) != kPrefixes.end();
  }

  static bool IsRawPrefix(std::string_view word) {
    return word.ends_with('R') && (word.size() == 1 || IsPrefix(word.substr(0, word.size() - 1)));
  }

  std::size_t Number() const {
    std::size_t length = 1;
    for (;; ++length) {
      const char c = Peek(length);
      const char before = Peek(length - 1);
      const bool sign = (c == '+' || c == '-') &&
                        (before == 'e' || before == 'E' || before == 'p' || before == 'P');
      const bool separator = c == '\'' && IsWord(Peek(length + 1));
      if (!IsWord(c) && c != '.' && !sign && !separator) return length;
    }
  }

  // A literal in quotes, `prefix` bytes before the quote. Ends at the end of the line at the
  // latest.
  void Quoted(std::size_t prefix, TokenKind kind) {
    const char quote = Peek(prefix);
    std::size_t length = prefix + 1;
    while (at_ + length < text_.size() && Peek(length) != quote && Peek(length) != '\n') {
      length += Peek(length) == '\\' ? 2 : 1;
    }
    if (Peek(length) == quote) ++length;
    Push(kind, length);
  }

  void Raw(std::size_t prefix) {
    const std::size_t open = text_.find('(', at_ + prefix);
    if (open == std::string_view::npos) return Quoted(prefix, TokenKind::kString);
    std::string close = ")";
    close.append(text_.substr(at_ + prefix + 1, open - (at_ + prefix + 1))).append("\"");
    const std::size_t end = text_.find(close, open);
    Push(TokenKind::kString,
         end == std::string_view::npos ? text_.size() - at_ : end + close.size() - at_);
  }

  void Push(TokenKind kind, std::size_t length) {
    length = std::min(length, text_.size() - at_);
    tokens_.push_back({kind, in_directive_, line_,
                       static_cast<std::uint32_t>(at_ - line_start_ + 1), at_,
                       text_.substr(at_, length)});
    Advance(length);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
  bool in_directive_ = false;
  bool fresh_line_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Lex(std::string_view text) { return Lexer(text).Run(); }

}  // namespace vnpu::npucc
