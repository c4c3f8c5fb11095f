// Endpoint <-> Asio.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "base/endpoint.hpp"

namespace lanrage::io {

template <class Protocol>
Endpoint from_asio(const boost::asio::ip::basic_endpoint<Protocol>& endpoint) {
  auto address = endpoint.address();
  return {address.is_v4() ? IpAddress::v4(address.to_v4().to_bytes())
                          : IpAddress::v6(address.to_v6().to_bytes()),
          endpoint.port()};
}

template <class Protocol = boost::asio::ip::tcp>
boost::asio::ip::basic_endpoint<Protocol> to_asio(const Endpoint& endpoint) {
  if (endpoint.address.is_v4())
    return {boost::asio::ip::address_v4(endpoint.address.v4_value()), endpoint.port};
  boost::asio::ip::address_v6::bytes_type bytes;
  std::copy_n(endpoint.address.bytes().begin(), bytes.size(), bytes.begin());
  return {boost::asio::ip::address_v6(bytes), endpoint.port};
}

}  // namespace lanrage::io
