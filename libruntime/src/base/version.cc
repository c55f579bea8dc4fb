#include "libruntime/src/base/version.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace vnpu::runtime {
namespace {

// Takes a number off the front of `text`.
bool TakeNumber(std::string_view* text, uint32_t* number) {
  const auto [next, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc()) {
    return false;
  }
  text->remove_prefix(static_cast<size_t>(next - text->data()));
  return true;
}

bool TakeDot(std::string_view* text) {
  if (!text->starts_with('.')) {
    return false;
  }
  text->remove_prefix(1);
  return true;
}

}  // namespace

int32_t Version::Number() const {
  int64_t number =
      int64_t{major_number} * 10'000'000 + int64_t{minor_number} * 100'000 + int64_t{patch} * 1'000;
  // Room of 100 numbers for each kind before the release that they lead to.
  constexpr std::array<std::pair<std::string_view, int64_t>, 3> kKinds = {
      {{"alpha", 300}, {"beta", 200}, {"rc", 100}}};
  for (const auto& [kind, before] : kKinds) {
    if (release.starts_with(kind)) {
      std::string_view rest = release;
      rest.remove_prefix(kind.size());
      uint32_t count = 0;
      TakeDot(&rest);
      TakeNumber(&rest, &count);
      number += std::min<uint32_t>(count, 99) - before;
    }
  }
  return static_cast<int32_t>(std::clamp<int64_t>(number, 0, INT32_MAX));
}

std::optional<Version> ParseVersion(std::string_view text) {
  Version version;
  if (!TakeNumber(&text, &version.major_number) || !TakeDot(&text) ||
      !TakeNumber(&text, &version.minor_number)) {
    return std::nullopt;
  }
  if (TakeDot(&text) && !TakeNumber(&text, &version.patch)) {
    return std::nullopt;
  }
  if (text.starts_with('-')) {
    version.release = text.substr(1);
  } else if (!text.empty()) {
    return std::nullopt;
  }
  return version;
}

}  // namespace vnpu::runtime
