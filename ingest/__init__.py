"""MQTT in: topics, envelopes, profiles and decoders (PURE), the decoder that puts them together, the bridge to the broker."""
