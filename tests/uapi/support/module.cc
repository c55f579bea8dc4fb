#include "tests/uapi/support/module.h"

#include <cstring>
#include <stdexcept>
#include <system_error>

namespace vnpu::raw {

const std::string& TestImage() {
  static const std::string image = ReadFile(VNPU_TEST_IMAGE);
  if (image.empty()) {
    throw std::runtime_error("no image " VNPU_TEST_IMAGE);
  }
  return image;
}

int LoadModule(Session& session, int fd, uint64_t size, vnpu_ioc_module_load* out) {
  *out = {};
  out->size = size;
  out->fd = fd;
  return session.Ioctl(VNPU_IOC_MODULE_LOAD, out);
}

int FindSymbol(Session& session, uint32_t module_id, uint32_t kind, const std::string& name,
               vnpu_ioc_module_symbol* out) {
  *out = {};
  out->module_id = module_id;
  out->kind = kind;
  out->index = VNPU_SYMBOL_BY_NAME;
  std::strncpy(out->name, name.c_str(), sizeof(out->name) - 1);
  return session.Ioctl(VNPU_IOC_MODULE_SYMBOL, out);
}

TestModule::TestModule(Session* session) : session_(session) {
  const std::string& image = TestImage();
  const UniqueFd fd = MakeImageFd(image.data(), image.size());
  vnpu_ioc_module_load load{};
  const int result = LoadModule(*session, fd.get(), image.size(), &load);
  if (result != 0) {
    throw std::system_error(-result, std::generic_category(),
                            std::string("VNPU_IOC_MODULE_LOAD ") + load.message);
  }
  id_ = load.module_id;
  kernels_ = load.kernels;
}

vnpu_ioc_module_symbol TestModule::Symbol(uint32_t kind, const std::string& name) const {
  vnpu_ioc_module_symbol symbol{};
  const int result = FindSymbol(*session_, id_, kind, name, &symbol);
  if (result != 0) {
    throw std::system_error(-result, std::generic_category(), "symbol " + name);
  }
  return symbol;
}

uint32_t TestModule::Function(const std::string& name) const {
  return Symbol(VNPU_SYMBOL_KERNEL, name).func_id;
}

}  // namespace vnpu::raw
