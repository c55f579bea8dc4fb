#include "driver/session/models.h"

#include <cerrno>
#include <utility>

#include "driver/base/memfd.h"
#include "driver/core/limits.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;

bool IsSound(const vnpu_ioc_model_create& arg) {
  return arg.size != 0 && arg.size % VNPU_PAGE_SIZE == 0 && arg.size <= kMaxModelBytes &&
         arg.flags == 0 && arg.max_streams >= 1 && arg.max_streams <= VNPU_MAX_MODEL_STREAMS &&
         arg.max_graphs >= 1 && arg.max_graphs <= VNPU_MAX_MODEL_GRAPHS &&
         arg.max_registers <= VNPU_MAX_MODEL_REGISTERS;
}

}  // namespace

int SessionModels::Create(vnpu_ioc_model_create* arg, UniqueFd fd) {
  if (!IsSound(*arg)) {
    return -EINVAL;
  }
  if (const int error = CheckMemfd(fd.get(), arg->size); error != 0) {
    return error;
  }
  const uint32_t streams = arg->max_streams + arg->max_graphs;
  if (streams > VNPU_MAX_SESSION_STREAMS - streams_ ||
      arg->max_registers > VNPU_MAX_SESSION_REGISTERS - registers_) {
    return -ENOSPC;
  }
  const std::optional<uint32_t> id =
      models_.Insert({streams, arg->max_registers, Charge(context_->tally(), Counted::kQmems)});
  if (!id) {
    return -ENOSPC;
  }
  ControlRequest request{};
  request.op = ControlOp::kModelCreate;
  request.model = {*id, arg->max_streams, arg->max_graphs, arg->max_registers, arg->size};
  const int memory = fd.get();
  if (const int error = context_->Call(request, std::span(&memory, 1)); error != 0) {
    models_.Erase(*id);
    return error;
  }
  streams_ += streams;
  registers_ += arg->max_registers;
  arg->model_id = *id;
  return 0;
}

int SessionModels::Destroy(const vnpu_ioc_model_destroy& arg) {
  if (arg.flags != 0) {
    return -EINVAL;
  }
  const Model* model = models_.Find(arg.model_id);
  if (model == nullptr) {
    return -ENOENT;
  }
  ControlRequest request{};
  request.op = ControlOp::kModelDestroy;
  request.model.model_id = arg.model_id;
  const int error = context_->Call(request);
  if (error == 0) {
    streams_ -= model->streams;
    registers_ -= model->registers;
    models_.Erase(arg.model_id);
  }
  return error;
}

int SessionModels::Abort(const vnpu_ioc_model_abort& arg) {
  if (arg.flags != 0) {
    return -EINVAL;
  }
  if (models_.Find(arg.model_id) == nullptr) {
    return -ENOENT;
  }
  ControlRequest request{};
  request.op = ControlOp::kModelAbort;
  request.model.model_id = arg.model_id;
  return context_->Call(request);
}

}  // namespace vnpu::driver
