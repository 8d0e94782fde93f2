"""From stored results to what people read: tables in their forms, reports, published figures, citations."""
