#ifndef FIRMWARE_LOADER_RESULT_H_
#define FIRMWARE_LOADER_RESULT_H_

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace vnpu::firmware {

// Why an image was refused: one line for the user, naming the cause.
struct LoadError {
  std::string text;
};

inline LoadError BadImage(std::string_view why) {
  return {std::string("damaged device image: ").append(why)};
}

// A value or the reason why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}          // NOLINT
  Result(LoadError error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // The value; only when ok().
  T& operator*() { return *std::get_if<0>(&state_); }
  const T& operator*() const { return *std::get_if<0>(&state_); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

  // The reason; only when not ok().
  const std::string& error() const { return std::get_if<1>(&state_)->text; }

 private:
  std::variant<T, LoadError> state_;
};

}  // namespace vnpu::firmware

#endif  // FIRMWARE_LOADER_RESULT_H_
