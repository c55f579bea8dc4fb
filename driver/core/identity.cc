#include "driver/core/identity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>

namespace vnpu::driver {
namespace {

// FNV-1a, started with `basis`.
uint64_t Hash(std::string_view text, uint64_t basis) {
  constexpr uint64_t kPrime = 0x100000001b3;
  uint64_t hash = basis;
  for (const char c : text) {
    hash = (hash ^ static_cast<uint8_t>(c)) * kPrime;
  }
  // The last characters have not reached all bits yet.
  hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93;
  return hash ^ hash >> 32;
}

std::string MachineName() {
  std::string id;
  std::ifstream("/etc/machine-id") >> id;
  if (!id.empty()) {
    return id;
  }
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return host.data();
}

// A UUID of version 8 (RFC 9562): its bits are the maker's business.
void FillUuid(std::string_view name, uint8_t (&uuid)[16]) {
  const std::array<uint64_t, 2> words = {Hash(name, 0xcbf29ce484222325),
                                         Hash(name, 0x84222325cbf29ce4)};
  for (size_t i = 0; i < sizeof(uuid); ++i) {
    uuid[i] = static_cast<uint8_t>(words[i / 8] >> (8 * (i % 8)));
  }
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x80);
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);
}

}  // namespace

vnpu_ioc_identity MakeIdentity(std::string_view machine, const Config& config, uint32_t index) {
  vnpu_ioc_identity identity{};
  identity.device = index;
  // An embedded driver has no nodes: its devices are those of its user.
  const std::string place =
      config.embedded_fd >= 0 ? fmt::format("embedded:{}", getuid()) : config.mount_point;
  FillUuid(fmt::format("{}/{}/{}/{}", machine, place, config.soc->name, index), identity.uuid);
  constexpr uint32_t kFirstBus = 0x81;
  fmt::format_to_n(identity.pci_bus_id, sizeof(identity.pci_bus_id) - 1, "0000:{:02x}:00.0",
                   kFirstBus + index);
  return identity;
}

vnpu_ioc_identity MakeIdentity(const Config& config, uint32_t index) {
  static const std::string machine = MachineName();
  return MakeIdentity(machine, config, index);
}

}  // namespace vnpu::driver
