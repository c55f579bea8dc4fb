#include "tools/npucc/kernels.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "tools/npucc/lexer.h"

namespace vnpu::npucc {
namespace {

struct Scope {
  enum class Kind { kNamespace, kLinkage, kClass, kOther };
  Kind kind = Kind::kOther;
  std::string name;  // of a named namespace
};

// The file and line that a line of preprocessed text came from.
struct Origin {
  std::string file;
  std::int64_t delta = 0;  // line of the origin minus line of the text
};

// A token of the current statement, and its Origin::delta.
struct Item {
  std::size_t token = 0;
  std::int64_t delta = 0;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : tokens_(Lex(text)) {}

  KernelScan Run() {
    for (at_ = 0; at_ < tokens_.size();) {
      const Token& token = tokens_[at_];
      if (token.in_directive) {
        ReadLineMarker();
      } else if (token.Is("{")) {
        Open();
      } else if (token.Is("}")) {
        Close();
      } else if (token.Is(";")) {
        Declaration(false);
        EndStatement();
      } else {
        if (token.Is("(")) ++parentheses_;
        if (token.Is(")")) --parentheses_;
        statement_.push_back({at_++, origin_.delta});
      }
    }
    return std::move(scan_);
  }

 private:
  // # <line> "<file>" flags
  void ReadLineMarker() {
    const std::uint32_t line = tokens_[at_].line;
    if (at_ + 2 < tokens_.size() && tokens_[at_ + 1].kind == TokenKind::kNumber &&
        tokens_[at_ + 2].kind == TokenKind::kString) {
      const std::string_view digits = tokens_[at_ + 1].text;
      std::int64_t number = 0;
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
      origin_.file = Unquote(tokens_[at_ + 2].text);
      origin_.delta = number - (static_cast<std::int64_t>(line) + 1);
    }
    while (at_ < tokens_.size() && tokens_[at_].in_directive && tokens_[at_].line == line) ++at_;
  }

  static std::string Unquote(std::string_view literal) {
    std::string text;
    for (std::size_t i = 1; i + 1 < literal.size(); ++i) {
      if (literal[i] == '\\') ++i;
      text += literal[i];
    }
    return text;
  }

  Location Where(const Token& token, std::int64_t delta) const {
    return {origin_.file, static_cast<std::uint32_t>(token.line + delta), 0};
  }

  // Place of a token of the statement.
  Location WhereInStatement(std::size_t i) const {
    return Where(InStatement(i), statement_[i].delta);
  }

  const Token& InStatement(std::size_t i) const { return tokens_[statement_[i].token]; }

  bool StatementHas(std::string_view word) const {
    return std::ranges::any_of(statement_,
                               [&](const Item& item) { return tokens_[item.token].Is(word); });
  }

  void EndStatement() {
    statement_.clear();
    parentheses_ = 0;
    ++at_;
  }

  void Open() {
    // A brace inside of parentheses is part of an expression.
    if (parentheses_ > 0) return SkipBraces();
    Scope scope = Classify();
    if (scope.kind == Scope::Kind::kOther) {
      Declaration(true);
      SkipBraces();
      // What follows a function body starts anew; what follows an initializer goes on.
      statement_.clear();
      return;
    }
    scopes_.push_back(std::move(scope));
    EndStatement();
  }

  void Close() {
    if (!scopes_.empty()) scopes_.pop_back();
    EndStatement();
  }

  // Passes over a block and its contents.
  void SkipBraces() {
    int depth = 0;
    for (; at_ < tokens_.size(); ++at_) {
      const Token& token = tokens_[at_];
      if (token.in_directive) continue;
      if (token.Is("{")) ++depth;
      if (token.Is("}") && --depth == 0) {
        ++at_;
        break;
      }
      if (token.Is(kGlobalMarker)) {
        scan_.errors.push_back(
            {Where(token, origin_.delta), "a kernel must be a function of a namespace"});
      }
    }
  }

  Scope Classify() const {
    if (StatementHas("namespace")) {
      std::string name;
      int depth = 0;
      bool after = false;
      for (const Item& item : statement_) {
        const Token& token = tokens_[item.token];
        if (token.Is("(") || token.Is("[")) ++depth;
        if (token.Is(")") || token.Is("]")) --depth;
        if (token.Is("namespace")) {
          after = true;
        } else if (after && depth == 0 && !token.Is("inline") && !token.Is("__attribute__") &&
                   (token.IsIdentifier() || token.Is("::"))) {
          name += token.text;
        }
      }
      return {Scope::Kind::kNamespace, name};
    }
    const std::size_t count = statement_.size();
    if (count >= 2 && InStatement(count - 2).Is("extern") &&
        InStatement(count - 1).kind == TokenKind::kString) {
      return {Scope::Kind::kLinkage, {}};
    }
    const bool class_like =
        StatementHas("class") || StatementHas("struct") || StatementHas("union");
    if (class_like && IsClassHead()) return {Scope::Kind::kClass, {}};
    return {};
  }

  // A class definition has no parameter list and no initializer outside of attributes and template
  // arguments.
  bool IsClassHead() const {
    int angles = 0;
    for (std::size_t i = 0; i < statement_.size(); ++i) {
      const Token& token = InStatement(i);
      if (token.Is("__attribute__") || token.Is("alignas") || token.Is("__declspec") ||
          token.Is("decltype")) {
        i = SkipParentheses(i + 1);
        continue;
      }
      if (token.Is("<")) ++angles;
      if (token.Is(">")) --angles;
      if (angles <= 0 && (token.Is("(") || token.Is("="))) return false;
    }
    return true;
  }

  // Index, in the statement, of the parenthesis that closes the one at `i`.
  std::size_t SkipParentheses(std::size_t i) const {
    int depth = 0;
    for (; i < statement_.size(); ++i) {
      if (InStatement(i).Is("(")) ++depth;
      if (InStatement(i).Is(")") && --depth == 0) return i;
      if (depth == 0) break;
    }
    return i;
  }

  // Looks at a whole declaration, up to its body or its semicolon.
  void Declaration(bool has_body) {
    if (!StatementHas(kGlobalMarker)) return;
    std::string core;
    std::optional<std::size_t> name;
    for (std::size_t i = 0; i < statement_.size() && !name; ++i) {
      const Token& token = InStatement(i);
      if (token.Is(kCoreMarker)) {
        const std::size_t close = SkipParentheses(i + 1);
        core.clear();
        for (std::size_t j = i + 2; j < close; ++j) core.append(InStatement(j).text).append(" ");
        i = close;
      } else if (token.Is("__attribute__") || token.Is("alignas") || token.Is("decltype") ||
                 token.Is("noexcept") || token.Is("explicit") || token.Is("requires")) {
        i = SkipParentheses(i + 1);
      } else if (token.Is("(") && i > 0 && InStatement(i - 1).IsIdentifier()) {
        name = i - 1;
      }
    }
    if (!name) {
      scan_.errors.push_back({WhereInStatement(0), "__global__ marks functions only"});
      return;
    }
    AddKernel(*name, core, has_body);
  }

  void AddKernel(std::size_t last, const std::string& core, bool has_body) {
    std::size_t first = last;
    while (first >= 2 && InStatement(first - 1).Is("::") && InStatement(first - 2).IsIdentifier()) {
      first -= 2;
    }
    std::string name;
    for (const Scope& scope : scopes_) {
      if (!scope.name.empty()) name += scope.name + "::";
    }
    for (std::size_t i = first; i <= last; ++i) name += InStatement(i).text;
    const Location where = WhereInStatement(last);
    const auto fail = [&](std::string text) { scan_.errors.push_back({where, std::move(text)}); };
    if (StatementHas("template")) {
      return fail("kernel '" + name +
                  "' is a template; write a plain kernel that calls a template function");
    }
    if (std::ranges::any_of(scopes_,
                            [](const Scope& s) { return s.kind == Scope::Kind::kClass; })) {
      return fail("kernel '" + name +
                  "' is a member of a class; a kernel must be a function of a "
                  "namespace");
    }
    if (!has_body) return;
    if (core.empty()) {
      return fail("kernel '" + name +
                  "' needs a core type: write __global__ __aicore__ (or "
                  "__vector__, __cube__, __mix__(cube, vector), __aicpu__)");
    }
    if (std::ranges::find(scan_.kernels, name, &KernelSource::name) != scan_.kernels.end()) {
      return fail("there are two kernels of the name '" + name + "'; kernels cannot be overloaded");
    }
    scan_.kernels.push_back({name, where, core});
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::vector<Item> statement_;  // tokens since the last ';', '{' or '}'
  int parentheses_ = 0;
  std::vector<Scope> scopes_;
  Origin origin_;
  KernelScan scan_;
};

}  // namespace

KernelScan ScanKernels(std::string_view preprocessed) { return Scanner(preprocessed).Run(); }

}  // namespace vnpu::npucc
