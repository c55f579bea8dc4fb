// Objects by small number.
#ifndef VNPU_DRIVER_BASE_ID_TABLE_H_
#define VNPU_DRIVER_BASE_ID_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace vnpu::driver {

// Gives out numbers first .. first + max - 1; a freed number is used again as late as possible, so
// that a stale one is noticed.
class IdPool {
 public:
  IdPool(uint32_t first, uint32_t max) : next_(first), end_(first + max) {}

  std::optional<uint32_t> Take() {
    if (next_ < end_) {
      return next_++;
    }
    if (freed_.empty()) {
      return std::nullopt;
    }
    const uint32_t id = freed_.front();
    freed_.pop_front();
    return id;
  }
  void Give(uint32_t id) { freed_.push_back(id); }

 private:
  uint32_t next_;
  uint32_t end_;
  std::deque<uint32_t> freed_;
};

template <typename T>
class IdTable {
 public:
  IdTable(uint32_t first, uint32_t max) : pool_(first, max) {}

  // The new object's number, or nothing when the table is full.
  std::optional<uint32_t> Insert(T object) {
    const std::optional<uint32_t> id = pool_.Take();
    if (id) {
      objects_.emplace(*id, std::move(object));
    }
    return id;
  }
  T* Find(uint32_t id) {
    const auto it = objects_.find(id);
    return it == objects_.end() ? nullptr : &it->second;
  }
  void Erase(uint32_t id) {
    if (objects_.erase(id) == 1) {
      pool_.Give(id);
    }
  }
  size_t size() const { return objects_.size(); }
  auto begin() { return objects_.begin(); }
  auto end() { return objects_.end(); }

 private:
  IdPool pool_;
  std::map<uint32_t, T> objects_;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_BASE_ID_TABLE_H_
