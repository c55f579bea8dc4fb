#include "tools/npucc/launches.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "tools/npucc/lexer.h"

namespace vnpu::npucc {
namespace {

constexpr std::string_view kLaunch = "::npu::Launch<";

// Keywords that may stand before an expression or a parenthesis: neither a macro nor a qualifier.
bool IsKeyword(std::string_view word) {
  constexpr std::array<std::string_view, 20> kKeywords = {
      "return", "if",     "else",      "while",    "for",      "do",      "switch",
      "case",   "throw",  "and",       "or",       "not",      "sizeof",  "new",
      "goto",   "delete", "co_return", "co_yield", "co_await", "decltype"};
  return std::ranges::find(kKeywords, word) != kKeywords.end();
}

struct Launch {
  std::size_t callee = 0;  // first token of the kernel's name
  std::size_t open = 0;    // first token of <<<
  std::size_t close = 0;   // first token of >>>
};

class Rewriter {
 public:
  Rewriter(std::string_view source, const std::string& file)
      : source_(source), file_(file), tokens_(Lex(source)), own_lines_(HasLineDirective()) {}

  RewrittenSource Run() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      TrackParentheses(i);
      if (!IsTriple(i, "<") || i == 0 || IsShiftOperator(i)) continue;
      const auto launch = Parse(i);
      if (launch) Emit(*launch);
      // A launch inside of a launch's configuration is not looked for.
      i = launch ? launch->close + 2 : i + 2;
    }
    CopyUntil(source_.size());
    return std::move(result_);
  }

 private:
  const Token& At(std::size_t i) const { return tokens_[i]; }

  // Three adjacent tokens of one character.
  bool IsTriple(std::size_t i, std::string_view text) const {
    return i + 2 < tokens_.size() && At(i).Is(text) && At(i + 1).Is(text) && At(i + 2).Is(text) &&
           At(i + 1).offset == At(i).offset + 1 && At(i + 2).offset == At(i).offset + 2 &&
           At(i).kind == TokenKind::kPunctuator;
  }

  // True for text that was generated from another file: its lines are not ours to number.
  bool HasLineDirective() const {
    for (std::size_t i = 1; i < tokens_.size(); ++i) {
      if (At(i).in_directive && At(i).Is("line") && At(i - 1).Is("#")) return true;
    }
    return false;
  }

  // operator<< followed by template arguments.
  bool IsShiftOperator(std::size_t i) const { return At(i - 1).Is("operator"); }

  void Error(std::size_t token, std::string text) {
    result_.errors.push_back({{file_, At(token).line, At(token).column}, std::move(text)});
  }

  // Remembers whether a parenthesis may be that of a macro, where no directive may stand.
  void TrackParentheses(std::size_t i) {
    if (At(i).in_directive) return;
    if (At(i).Is("(")) {
      const bool call = i > 0 && At(i - 1).IsIdentifier() && !IsKeyword(At(i - 1).text);
      calls_.push_back(call);
    } else if (At(i).Is(")") && !calls_.empty()) {
      calls_.pop_back();
    }
  }

  bool MayBeMacroArgument() const { return std::ranges::find(calls_, true) != calls_.end(); }

  std::optional<Launch> Parse(std::size_t open) {
    if (At(open - 1).Is(">")) {
      Error(open, "a kernel cannot be a template; launch a plain kernel that calls the template");
      return std::nullopt;
    }
    if (!At(open - 1).IsIdentifier() || IsKeyword(At(open - 1).text)) {
      Error(open, "the name of a kernel must stand before <<<");
      return std::nullopt;
    }
    Launch launch{open - 1, open, 0};
    while (launch.callee > 0 && At(launch.callee - 1).Is("::")) {
      --launch.callee;
      const bool qualifier = launch.callee > 0 && At(launch.callee - 1).IsIdentifier() &&
                             !IsKeyword(At(launch.callee - 1).text);
      if (!qualifier) break;
      --launch.callee;
    }
    if (launch.callee > 0 && (At(launch.callee - 1).Is(".") || At(launch.callee - 1).Is("->"))) {
      Error(launch.callee, "a kernel is a function of a namespace, not a member of a class");
      return std::nullopt;
    }
    const auto close = FindClose(open + 3);
    if (!close) {
      Error(open, "this launch has no end; write kernel<<<blockDim, l2ctrl, stream>>>(arguments)");
      return std::nullopt;
    }
    launch.close = *close;
    return launch;
  }

  // The >>> that ends a launch: outside of parentheses, before a '(' and not the end of template
  // arguments such as in max<vector<vector<int>>>(...).
  std::optional<std::size_t> FindClose(std::size_t i) const {
    int depth = 0;
    int angles = 0;
    for (; i < tokens_.size(); ++i) {
      const Token& token = At(i);
      if (token.kind != TokenKind::kPunctuator) continue;
      if (token.Is("(") || token.Is("[") || token.Is("{")) ++depth;
      if (token.Is(")") || token.Is("]") || token.Is("}")) --depth;
      if (depth < 0 || (depth == 0 && token.Is(";"))) return std::nullopt;
      if (depth != 0) continue;
      if (token.Is("<") && At(i - 1).IsIdentifier()) ++angles;
      if (!token.Is(">")) continue;
      const bool launch_end =
          IsTriple(i, ">") && angles < 3 && i + 3 < tokens_.size() && At(i + 3).Is("(");
      if (launch_end) return i;
      angles = std::max(angles - 1, 0);
    }
    return std::nullopt;
  }

  void CopyUntil(std::size_t offset) {
    result_.text.append(source_.substr(copied_, offset - copied_));
    copied_ = offset;
  }

  void Emit(const Launch& launch) {
    result_.has_launches = true;
    const Token& callee = At(launch.callee);
    CopyUntil(callee.offset);
    result_.text.append(kLaunch);
    if (!own_lines_ && !callee.in_directive && !MayBeMacroArgument()) {
      // The name goes on with a line of its own, at its own column.
      result_.text.append(fmt::format("\n#line {}\n", callee.line));
      for (const char c : source_.substr(callee.offset - (callee.column - 1), callee.column - 1)) {
        result_.text.push_back(c == '\t' ? '\t' : ' ');
      }
    }
    CopyUntil(At(launch.open).offset);
    result_.text.append(">( ");
    copied_ += 3;
    CopyUntil(At(launch.close).offset);
    result_.text.append(")  ");
    copied_ += 3;
  }

  std::string_view source_;
  const std::string& file_;
  std::vector<Token> tokens_;
  bool own_lines_;
  std::vector<bool> calls_;
  std::size_t copied_ = 0;
  RewrittenSource result_;
};

}  // namespace

RewrittenSource RewriteLaunches(std::string_view source, const std::string& file) {
  return Rewriter(source, file).Run();
}

}  // namespace vnpu::npucc
