"""Items from their author to a form. The bank publishes into the engine and knows nothing of who watches."""
