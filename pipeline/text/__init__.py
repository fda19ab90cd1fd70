"""From written blocks to spoken chunks: sentences, languages, spoken forms, packing."""
