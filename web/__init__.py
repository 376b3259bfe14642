"""HTTP, sockets and pages. It wires what lies below together and decides nothing itself."""
