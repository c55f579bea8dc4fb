#include "tools/bench/subjects.h"

#include <iterator>

namespace vnpu::bench {

Measurements AllMeasurements() {
  Measurements all;
  for (const auto subject :
       {ReferenceMeasurements, LaunchMeasurements, PoclMeasurements, DeviceTimeMeasurements,
        EventMeasurements, GraphMeasurements, CopyMeasurements, MemoryMeasurements,
        StreamMeasurements, IdleMeasurements, VariantMeasurements}) {
    Measurements measurements = subject();
    std::move(measurements.begin(), measurements.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace vnpu::bench
