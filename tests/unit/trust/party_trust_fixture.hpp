// Two members wired together, and a server that tells them different things.
#pragma once

#include "unit/trust/machines.hpp"

namespace lanrage::trust {

using namespace std::chrono_literals;

class PartyTrustTest : public MachinesTest {
 protected:
  PartyTrustTest() {
    history_.join(bob_);
    history_.join(cat_);
  }
  // The host and bob, alike and in touch.
  void meet() {
    a_ = &add(host_, history_, history_.key);
    b_ = &add(bob_, history_, history_.key);
    shake_hands(*a_, *b_);
    run_for(2s);
  }
  bool same_preshared_key() {
    return a_->access(b_->id())->preshared_key == b_->access(a_->id())->preshared_key;
  }

  party::DeviceKeys host_ = make_device(random_);
  party::DeviceKeys bob_ = make_device(random_);
  party::DeviceKeys cat_ = make_device(random_);
  party::DeviceKeys dan_ = make_device(random_);
  History history_{random_, host_};
  Machine* a_ = nullptr;
  Machine* b_ = nullptr;
};

}  // namespace lanrage::trust
