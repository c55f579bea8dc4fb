// printf with arguments that come as records.
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>

#include "libruntime/src/kernel/print.h"

namespace vnpu::runtime {
namespace {

constexpr size_t Padded(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

struct Argument {
  vnpu_print_value value{};
  std::string text;  // strings
};

int64_t AsSigned(const vnpu_print_value& value) {
  return value.kind == VNPU_PRINT_REAL ? static_cast<int64_t>(std::bit_cast<double>(value.bits))
                                       : static_cast<int64_t>(value.bits);
}

// As wide as the kernel's argument was.
uint64_t AsUnsigned(const vnpu_print_value& value) {
  const auto bits = static_cast<uint64_t>(AsSigned(value));
  return value.size >= sizeof(bits) ? bits : bits & ((uint64_t{1} << (8 * value.size)) - 1);
}

double AsReal(const vnpu_print_value& value) {
  switch (value.kind) {
    case VNPU_PRINT_REAL:
      return std::bit_cast<double>(value.bits);
    case VNPU_PRINT_SIGNED:
      return static_cast<double>(static_cast<int64_t>(value.bits));
    default:
      return static_cast<double>(value.bits);
  }
}

template <class... Values>
void Append(std::string* out, const std::string& specification, Values... values) {
  std::array<char, 512> buffer;
  const int length = std::snprintf(buffer.data(), buffer.size(), specification.c_str(), values...);
  if (length < 0) {
    return;
  }
  if (static_cast<size_t>(length) < buffer.size()) {
    out->append(buffer.data(), static_cast<size_t>(length));
    return;
  }
  std::string large(static_cast<size_t>(length) + 1, '\0');
  std::snprintf(large.data(), large.size(), specification.c_str(), values...);
  out->append(large.data(), static_cast<size_t>(length));
}

class Formatter {
 public:
  explicit Formatter(std::span<const Argument> arguments) : left_(arguments) {}

  std::string Run(std::string_view format) {
    while (!format.empty()) {
      const size_t percent = format.find('%');
      out_.append(format.substr(0, percent));
      if (percent == std::string_view::npos) {
        break;
      }
      format.remove_prefix(percent);
      format.remove_prefix(One(format));
    }
    return std::move(out_);
  }

 private:
  // Carries out the conversion that `format` begins with; its length.
  size_t One(std::string_view format) {
    static constexpr std::string_view kFlags = "-+ #0";
    static constexpr std::string_view kLengths = "hlqjzt";
    std::string specification = "%";
    size_t at = 1;
    const auto take = [&](std::string_view set) {
      while (at < format.size() && set.find(format[at]) != std::string_view::npos) {
        specification += format[at++];
      }
    };
    take(kFlags);
    Number(format, &at, &specification);
    if (at < format.size() && format[at] == '.') {
      specification += format[at++];
      Number(format, &at, &specification);
    }
    while (at < format.size() && kLengths.find(format[at]) != std::string_view::npos) {
      ++at;
    }
    if (at == format.size()) {
      out_.append(format);
      return at;
    }
    Convert(format[at], specification, format.substr(0, at + 1));
    return at + 1;
  }

  // A width or precision: digits, or * for an argument. Bounded: it is memory here.
  void Number(std::string_view format, size_t* at, std::string* specification) {
    constexpr int64_t kMost = 4096;
    int64_t number = -1;
    if (*at < format.size() && format[*at] == '*') {
      ++*at;
      number = left_.empty() ? 0 : AsSigned(left_.front().value);
      left_ = left_.subspan(left_.empty() ? 0 : 1);
    }
    while (*at < format.size() && format[*at] >= '0' && format[*at] <= '9') {
      number = std::min(kMost, std::max<int64_t>(number, 0) * 10 + (format[(*at)++] - '0'));
    }
    if (number >= 0) {
      *specification += std::to_string(std::min(number, kMost));
    }
  }

  void Convert(char conversion, const std::string& specification, std::string_view source) {
    if (conversion == '%') {
      out_ += '%';
      return;
    }
    static constexpr std::string_view kKnown = "diuoxXcfFeEgGaAsp";
    if (left_.empty() || kKnown.find(conversion) == std::string_view::npos) {
      out_.append(source);  // as it stands
      return;
    }
    const Argument& argument = left_.front();
    left_ = left_.subspan(1);
    switch (conversion) {
      case 'd':
      case 'i':
        Append(&out_, specification + "lld", static_cast<long long>(AsSigned(argument.value)));
        break;
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        Append(&out_, specification + "ll" + conversion,
               static_cast<unsigned long long>(AsUnsigned(argument.value)));
        break;
      case 'c':
        Append(&out_, specification + conversion, static_cast<int>(AsSigned(argument.value)));
        break;
      case 'p':
        Append(&out_, specification + conversion,
               reinterpret_cast<const void*>(argument.value.bits));
        break;
      case 's':
        Append(&out_, specification + conversion,
               argument.value.kind == VNPU_PRINT_STRING ? argument.text.c_str() : "(not a text)");
        break;
      default:
        Append(&out_, specification + conversion, AsReal(argument.value));
    }
  }

  std::span<const Argument> left_;
  std::string out_;
};

// A text of `bytes` bytes with its NUL somewhere.
std::string Text(const std::byte* from, size_t bytes) {
  const auto* const text = reinterpret_cast<const char*>(from);
  return {text, strnlen(text, bytes)};
}

}  // namespace

std::string PrintedText(const std::byte* record, size_t bytes) {
  vnpu_print_record head;
  std::memcpy(&head, record, sizeof(head));
  size_t at = sizeof(head);
  const size_t values = at + Padded(head.format_bytes);
  if (head.args > VNPU_PRINT_MAX_ARGS || values > bytes ||
      head.args * sizeof(vnpu_print_value) > bytes - values) {
    return "";
  }
  const std::string format = Text(record + at, head.format_bytes);
  std::vector<Argument> arguments(head.args);
  at = values + head.args * sizeof(vnpu_print_value);
  for (uint32_t i = 0; i < head.args; ++i) {
    Argument& argument = arguments[i];
    std::memcpy(&argument.value, record + values + i * sizeof(vnpu_print_value),
                sizeof(argument.value));
    if (argument.value.kind != VNPU_PRINT_STRING) {
      continue;
    }
    if (argument.value.size > bytes - at) {
      return "";
    }
    argument.text = argument.value.size == 0 ? "(null)" : Text(record + at, argument.value.size);
    at = std::min(bytes, at + Padded(argument.value.size));
  }
  return Formatter(arguments).Run(format);
}

}  // namespace vnpu::runtime
